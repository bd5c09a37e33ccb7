// SPDX-License-Identifier: Apache-2.0
#include "engine/arena.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

namespace flownet2 {
namespace {

constexpr std::size_t most_idle = 2;
constexpr int most_unneeded_runs = 16;

}  // namespace

/// The smallest idle block that is large enough, of equal ones the one used last, or none. Blocks that
/// are to be freed go to `dropped`: those that were not needed for long, and the largest if it is too
/// small.
ArenaPool::Block ArenaPool::take_idle(std::int64_t floats, std::vector<Block>& dropped) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.reserve(most_idle);
  std::sort(idle_.begin(), idle_.end(), [](const Block& a, const Block& b) {
    return std::tie(a.floats, a.unneeded_runs) < std::tie(b.floats, b.unneeded_runs);
  });
  for (Block& block : idle_) ++block.unneeded_runs;
  const auto fits = [&](const Block& block) { return block.floats >= floats; };
  const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
  Block taken;
  if (found != idle_.end()) {
    taken = std::move(*found);
    idle_.erase(found);
    if (taken.floats / 2 <= floats) taken.unneeded_runs = 0;
  } else if (!idle_.empty()) {
    dropped.push_back(std::move(idle_.back()));
    idle_.pop_back();
  }
  const auto old = [](const Block& block) { return block.unneeded_runs > most_unneeded_runs; };
  const auto first_old = std::stable_partition(idle_.begin(), idle_.end(), std::not_fn(old));
  std::move(first_old, idle_.end(), std::back_inserter(dropped));
  idle_.erase(first_old, idle_.end());
  if (old(taken)) dropped.push_back(std::exchange(taken, Block()));
  return taken;
}

ArenaPool::Block ArenaPool::take(std::int64_t floats) {
  std::vector<Block> dropped;
  dropped.reserve(most_idle + 1);
  Block taken = take_idle(floats, dropped);
  if (taken.data != nullptr) return taken;
  dropped.clear();
  return {aligned_floats("network: working space", floats), floats, 0};
}

void ArenaPool::give_back(Block block) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < most_idle) idle_.push_back(std::move(block));  // take() reserved the room
}

}  // namespace flownet2
