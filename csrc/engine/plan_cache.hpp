// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/plan.hpp"

namespace flownet2 {

/// The plans of the last few shapes and outputs; any number of threads may ask.
class PlanCache {
 public:
  std::shared_ptr<const Plan> get(const Graph& graph, Element element, const std::vector<Shape>& inputs,
                                  const std::vector<std::size_t>& wanted);

 private:
  struct Entry {
    std::vector<Shape> inputs;
    std::vector<std::size_t> wanted;
    std::shared_ptr<const Plan> plan;
  };

  std::shared_ptr<const Plan> find(const std::vector<Shape>& inputs,
                                   const std::vector<std::size_t>& wanted);

  std::mutex mutex_;
  std::list<Entry> entries_;  // last used first
};

}  // namespace flownet2
