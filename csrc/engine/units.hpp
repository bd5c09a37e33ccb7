// SPDX-License-Identifier: Apache-2.0
// Nodes that are computed in one step. Values are joined to units as long as the units can still be
// computed one after the other.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/passes.hpp"

namespace flownet2 {

class Units {
 public:
  /// Every value for itself.
  explicit Units(const Work& work);

  std::size_t of(std::size_t value) const { return unit_of_[value]; }

  /// Values in their order.
  const std::vector<std::size_t>& members(std::size_t unit) const { return members_[unit]; }

  /// Whether computing one value needs the unit of the other.
  bool needs(std::size_t later, std::size_t earlier) const;

  /// Makes one unit of those of two values; false if something between them stands in the way.
  bool join(std::size_t a, std::size_t b);

  /// The units of needed values, each after all that it reads.
  std::vector<std::size_t> in_order() const;

 private:
  std::vector<std::size_t> read_by(std::size_t unit) const;
  bool reaches(std::size_t later, std::size_t earlier, bool directly) const;

  const Work& work_;
  std::vector<std::size_t> unit_of_;
  std::vector<std::vector<std::size_t>> members_;
};

}  // namespace flownet2
