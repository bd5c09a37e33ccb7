// SPDX-License-Identifier: Apache-2.0
// Working memory of network runs: each run borrows a block, and leaves it for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace flownet2 {

class ArenaPool {
 public:
  class Loan;

  ArenaPool() = default;
  ArenaPool(const ArenaPool&) = delete;
  ArenaPool& operator=(const ArenaPool&) = delete;
  ~ArenaPool();

 private:
  struct Block {
    float* data = nullptr;
    std::int64_t floats = 0;
  };

  Block take(std::int64_t floats);
  void give_back(Block block) noexcept;

  std::mutex mutex_;
  std::vector<Block> idle_;
};

/// A block of at least so many floats, 64-byte aligned, with whatever was left in it. Throws Error with
/// ErrorCode::out_of_memory, naming the size.
class ArenaPool::Loan {
 public:
  Loan(ArenaPool& pool, std::int64_t floats) : pool_(pool), block_(pool.take(floats)) {}
  ~Loan() { pool_.give_back(block_); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  float* data() const { return block_.data; }

 private:
  ArenaPool& pool_;
  Block block_;
};

}  // namespace flownet2
