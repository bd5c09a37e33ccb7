// SPDX-License-Identifier: Apache-2.0
// The memory layout of each value of a plan, and which values are computed inside the concat that reads
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/passes.hpp"

namespace flownet2 {

enum class Layout { planar, blocked };

/// The value whose memory holds another, and the other's first channel there.
struct Join {
  std::size_t holder;
  std::int64_t channel;
};

/// All by value.
struct Layouts {
  std::vector<Layout> of;                  // as it is computed
  std::vector<std::optional<Join>> joins;  // into the concat that reads it

  /// Through all joins.
  Join home(std::size_t value) const;

  /// Of a blocked value in that memory.
  std::int64_t first_group(std::size_t value) const;
};

Layouts choose_layouts(const Graph& graph, const Work& work, Element element);

/// In which layout a node of the graph reads an input of its own.
Layout layout_for(const Graph& graph, const Layouts& layouts, std::size_t value, std::size_t input);

}  // namespace flownet2
