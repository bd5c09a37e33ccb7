// SPDX-License-Identifier: Apache-2.0
#include "engine/units.hpp"

#include <algorithm>

namespace flownet2 {

Units::Units(const Work& work) : work_(work) {
  for (std::size_t value = 0; value < work.needed.size(); ++value) {
    unit_of_.push_back(value);
    members_.push_back({value});
  }
}

/// Other units that a unit reads.
std::vector<std::size_t> Units::read_by(std::size_t unit) const {
  std::vector<std::size_t> found;
  for (const std::size_t member : members_[unit]) {
    for (const std::size_t input : work_.inputs[member]) {
      if (unit_of_[input] != unit) found.push_back(unit_of_[input]);
    }
  }
  return found;
}

/// Whether `later` reads `earlier`, directly if that counts or through other units.
bool Units::reaches(std::size_t later, std::size_t earlier, bool directly) const {
  std::vector<bool> seen(unit_of_.size(), false);
  std::vector<std::size_t> waiting = {later};
  while (!waiting.empty()) {
    const std::size_t unit = waiting.back();
    waiting.pop_back();
    for (const std::size_t read : read_by(unit)) {
      if (read == earlier && (directly || unit != later)) return true;
      if (!seen[read] && read != earlier) waiting.push_back(read);
      seen[read] = true;
    }
  }
  return false;
}

bool Units::needs(std::size_t later, std::size_t earlier) const {
  return reaches(unit_of_[later], unit_of_[earlier], true);
}

bool Units::join(std::size_t a, std::size_t b) {
  const std::size_t first = unit_of_[a];
  const std::size_t second = unit_of_[b];
  if (first == second) return true;
  if (reaches(first, second, false) || reaches(second, first, false)) return false;
  for (const std::size_t member : members_[second]) unit_of_[member] = first;
  std::vector<std::size_t>& all = members_[first];
  all.insert(all.end(), members_[second].begin(), members_[second].end());
  std::sort(all.begin(), all.end());
  members_[second].clear();
  return true;
}

std::vector<std::size_t> Units::in_order() const {
  std::vector<std::size_t> order;
  std::vector<bool> done(unit_of_.size(), false);
  std::vector<std::size_t> waiting;
  for (std::size_t value = 0; value < unit_of_.size(); ++value) {
    if (!work_.needed[value]) continue;
    waiting.push_back(unit_of_[value]);
    while (!waiting.empty()) {
      const std::size_t unit = waiting.back();
      const std::size_t before = waiting.size();
      if (!done[unit]) {
        for (const std::size_t read : read_by(unit)) {
          if (!done[read]) waiting.push_back(read);
        }
      }
      if (waiting.size() > before) continue;
      waiting.pop_back();
      if (!done[unit]) order.push_back(unit);
      done[unit] = true;
    }
  }
  return order;
}

}  // namespace flownet2
