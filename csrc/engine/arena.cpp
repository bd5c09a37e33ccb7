// SPDX-License-Identifier: Apache-2.0
#include "engine/arena.hpp"

#include <flownet2/error.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace flownet2 {
namespace {

constexpr std::align_val_t alignment{64};
constexpr std::size_t most_idle = 2;  // blocks that are kept while nobody uses them

void release(float* data) noexcept { ::operator delete(data, alignment); }

}  // namespace

ArenaPool::~ArenaPool() {
  for (const Block& block : idle_) release(block.data);
}

ArenaPool::Block ArenaPool::take(std::int64_t floats) {
  Block outgrown;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.reserve(most_idle);
    // The smallest that is large enough; else one of the others makes room for a new one.
    std::sort(idle_.begin(), idle_.end(),
              [](const Block& a, const Block& b) { return a.floats < b.floats; });
    const auto fits = [&](const Block& block) { return block.floats >= floats; };
    const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
    if (found != idle_.end()) {
      const Block block = *found;
      idle_.erase(found);
      return block;
    }
    if (!idle_.empty()) {
      outgrown = idle_.back();
      idle_.pop_back();
    }
  }
  release(outgrown.data);
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  void* data = ::operator new(bytes, alignment, std::nothrow);
  if (data == nullptr) {
    throw Error(ErrorCode::out_of_memory,
                "network: no memory for " + std::to_string(bytes) + " bytes of working space");
  }
  return {static_cast<float*>(data), floats};
}

void ArenaPool::give_back(Block block) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.size() < most_idle) {
      idle_.push_back(block);  // take() reserved the room
      return;
    }
  }
  release(block.data);
}

}  // namespace flownet2
