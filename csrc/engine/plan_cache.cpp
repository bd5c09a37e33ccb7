// SPDX-License-Identifier: Apache-2.0
#include "engine/plan_cache.hpp"

#include <algorithm>

namespace flownet2 {
namespace {

constexpr std::size_t most_plans = 8;

}  // namespace

std::shared_ptr<const Plan> PlanCache::find(const std::vector<Shape>& inputs,
                                            const std::vector<std::size_t>& wanted) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto same = [&](const Entry& entry) { return entry.inputs == inputs && entry.wanted == wanted; };
  const auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return found->plan;
}

std::shared_ptr<const Plan> PlanCache::get(const Graph& graph, Element element,
                                           const std::vector<Shape>& inputs,
                                           const std::vector<std::size_t>& wanted) {
  if (auto plan = find(inputs, wanted)) return plan;
  // Planned outside the lock: another thread may do the same, which costs microseconds.
  auto plan = std::make_shared<const Plan>(make_plan(graph, element, inputs, wanted));
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.push_front({inputs, wanted, plan});
  if (entries_.size() > most_plans) entries_.pop_back();
  return plan;
}

}  // namespace flownet2
