// SPDX-License-Identifier: Apache-2.0
// Memory for vectors: aligned to cache lines.
#pragma once

#include <cstdint>
#include <memory>

namespace flownet2 {

struct AlignedDelete {
  void* block = nullptr;  // what the allocator gave; the data begin inside

  void operator()(float* data) const noexcept;
};

using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

/// `count` zeros on a 64-byte boundary; throws Error (out_of_memory), which names `what`. Large blocks
/// get their pages when they are first written to.
AlignedFloats aligned_floats(const char* what, std::int64_t count);

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
