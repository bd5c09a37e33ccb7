// SPDX-License-Identifier: Apache-2.0
// Elements of any type as floats, one or several to an access; and a launch's errors.
#pragma once

#include <flownet2/cuda/number.hpp>

#include <type_traits>

#include "cuda/device.cuh"
#include "cuda/launch.hpp"

#if !defined(__CUDACC_RTC__)
#include <cstring>
#include <stdexcept>
#include <string>
#endif

namespace flownet2::cuda {

__device__ __forceinline__ float to_float(float v) { return v; }
__device__ __forceinline__ float to_float(__half v) { return __half2float(v); }
__device__ __forceinline__ float to_float(__nv_bfloat16 v) { return __bfloat162float(v); }

__device__ __forceinline__ void put(float* to, float v) { *to = v; }
__device__ __forceinline__ void put(__half* to, float v) { *to = __float2half_rn(v); }
__device__ __forceinline__ void put(__nv_bfloat16* to, float v) { *to = __float2bfloat16(v); }

/// Count elements in accesses of 16 bytes, or of 8 where that is all; `from` is aligned to them.
template <int Count, typename T>
__device__ __forceinline__ void load(const T* from, float (&to)[Count]) {
  using Word = std::conditional_t<Count * sizeof(T) % 16 == 0, uint4, uint2>;
  constexpr int words = static_cast<int>(Count * sizeof(T) / sizeof(Word));
  Word raw[words];
  CUH_UNROLL
  for (int i = 0; i < words; ++i) raw[i] = __ldg(reinterpret_cast<const Word*>(from) + i);
  T values[Count];
  memcpy(values, raw, sizeof(values));
  CUH_UNROLL
  for (int i = 0; i < Count; ++i) to[i] = to_float(values[i]);
}

/// `to` is aligned to 16 bytes.
template <typename T>
__device__ __forceinline__ void store(const float (&from)[8], T* to) {
  constexpr int words = static_cast<int>(8 * sizeof(T) / sizeof(uint4));
  T values[8];
  CUH_UNROLL
  for (int i = 0; i < 8; ++i) put(values + i, from[i]);
  uint4 raw[words];
  memcpy(raw, values, sizeof(values));
  CUH_UNROLL
  for (int i = 0; i < words; ++i) reinterpret_cast<uint4*>(to)[i] = raw[i];
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

/// After each launch: what the driver said to it. Errors of the kernel itself come later. No Error of
/// this library: the arguments were good, the device or its driver is not.
inline void check_launch(const char* op) {
  const cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string(op) + ": CUDA: " + cudaGetErrorString(error) +
                           "; `nvidia-smi` shows the GPU and its driver");
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
