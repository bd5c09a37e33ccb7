// SPDX-License-Identifier: Apache-2.0
// Elements of types that only the launch knows; and what all launches need.
#pragma once

#include <flownet2/cuda/number.hpp>

#include "cuda/elements.cuh"
#include "cuda/launch.hpp"

#if !defined(__CUDACC_RTC__)
#include "cuda/failure.hpp"
#endif

namespace flownet2::cuda {

/// Element `at` of a tensor whose type only the launch knows.
__device__ __forceinline__ void put_as(void* to, Number type, std::int64_t at, float v) {
  if (type == Number::float32) {
    put(static_cast<float*>(to) + at, v);
  } else if (type == Number::float16) {
    put(static_cast<__half*>(to) + at, v);
  } else {
    put(static_cast<__nv_bfloat16*>(to) + at, v);
  }
}

// ---- on the host

#if !defined(__CUDACC_RTC__)

template <typename T>
struct TypeTag {
  using Type = T;
};

/// Calls f with the TypeTag of a number.
template <typename F>
void with_type(Number number, const F& f) {
  if (number == Number::float32) {
    f(TypeTag<float>());
  } else if (number == Number::float16) {
    f(TypeTag<__half>());
  } else {
    f(TypeTag<__nv_bfloat16>());
  }
}

inline bool aligned(const void* pointer, std::int64_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % static_cast<std::uintptr_t>(bytes) == 0;
}

inline void check_pointer(const char* op, const char* name, const void* pointer, std::int64_t bytes) {
  if (pointer == nullptr) fail(op, std::string(name) + " has no data");
  if (!aligned(pointer, bytes)) {
    fail(op, std::string(name) + " must be aligned to " + std::to_string(bytes) + " bytes");
  }
}

inline dim3 blocks_of(const Launch& l) { return {l.blocks[0], l.blocks[1], l.blocks[2]}; }
inline dim3 threads_of(const Launch& l) { return {l.threads[0], l.threads[1], 1}; }
inline cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }

#endif  // not NVRTC

}  // namespace flownet2::cuda
