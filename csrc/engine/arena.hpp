// SPDX-License-Identifier: Apache-2.0
// Working memory of network runs: each run borrows a block, and leaves it for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "cpu/memory.hpp"

namespace flownet2 {

/// Keeps at most two blocks that nobody uses, and none that the last 16 runs did not need: neither many
/// threads at once nor one large picture leave their memory behind for good.
class ArenaPool {
 public:
  class Loan;

  ArenaPool() = default;
  ArenaPool(const ArenaPool&) = delete;
  ArenaPool& operator=(const ArenaPool&) = delete;

 private:
  struct Block {
    AlignedFloats data;
    std::int64_t floats = 0;
    int unneeded_runs = 0;  // since a run used at least half of it
  };

  Block take(std::int64_t floats);
  Block take_idle(std::int64_t floats, std::vector<Block>& dropped);
  void give_back(Block block) noexcept;

  std::mutex mutex_;
  std::vector<Block> idle_;
};

/// A block of at least so many floats, 64-byte aligned, with whatever was left in it. Throws Error with
/// ErrorCode::out_of_memory, naming the size.
class ArenaPool::Loan {
 public:
  Loan(ArenaPool& pool, std::int64_t floats) : pool_(pool), block_(pool.take(floats)) {}
  ~Loan() { pool_.give_back(std::move(block_)); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  float* data() const { return block_.data.get(); }

 private:
  ArenaPool& pool_;
  Block block_;
};

}  // namespace flownet2
