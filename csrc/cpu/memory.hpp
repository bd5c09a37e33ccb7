// SPDX-License-Identifier: Apache-2.0
// Memory for vectors: aligned to cache lines, and returned to the system when it is freed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace flownet2 {

struct AlignedDelete {
  void* block = nullptr;  // what the allocator gave; the data begin inside
  std::size_t bytes = 0;  // of the block

  void operator()(float* data) const noexcept;
};

using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

/// `count` zeros on a 64-byte boundary; throws Error (out_of_memory), which names `what` and the bytes.
/// Large blocks get their pages when they are first written to.
AlignedFloats aligned_floats(const char* what, std::int64_t count);

/// Bytes of all blocks of aligned_floats that are alive.
std::int64_t aligned_bytes() noexcept;

/// For tests: the `number`-th call of aligned_floats from now on, on whatever thread, finds no memory;
/// 0: none does.
void fail_allocation(std::int64_t number) noexcept;

/// Memory that is kept and enlarged where needed; values undefined.
class GrowingFloats {
 public:
  /// At least `count` floats on a 64-byte boundary; throws Error (out_of_memory).
  float* at_least(const char* what, std::int64_t count);

 private:
  AlignedFloats data_;
  std::int64_t size_ = 0;
};

/// Working memory of the calling thread, on a 64-byte boundary, values undefined: the same block at
/// every call, enlarged where needed. Throws Error (out_of_memory).
float* thread_scratch(const char* what, std::int64_t count);

}  // namespace flownet2
