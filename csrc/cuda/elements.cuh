// SPDX-License-Identifier: Apache-2.0
// Elements of any type as floats, one or several to an access. NVRTC takes this file: no header of the
// host.
#pragma once

#include "cuda/device.cuh"

#if !defined(__CUDACC_RTC__)
#include <cstring>
#endif

namespace flownet2::cuda {

__device__ __forceinline__ float to_float(float v) { return v; }
__device__ __forceinline__ float to_float(__half v) { return __half2float(v); }
__device__ __forceinline__ float to_float(__nv_bfloat16 v) { return __bfloat162float(v); }

__device__ __forceinline__ void put(float* to, float v) { *to = v; }
__device__ __forceinline__ void put(__half* to, float v) { *to = __float2half_rn(v); }
__device__ __forceinline__ void put(__nv_bfloat16* to, float v) { *to = __float2bfloat16(v); }

__device__ __forceinline__ float leaky(float v, float slope) { return v > 0.0f ? v : v * slope; }

template <typename T>
__device__ __forceinline__ float load(const T* from) {
  return to_float(__ldg(from));
}

template <bool Wide>
struct Word {
  using Type = uint4;
};
template <>
struct Word<false> {
  using Type = uint2;
};

/// Count elements in accesses of 16 bytes, or of 8 where that is all; `from` is aligned to them.
template <int Count, typename T>
__device__ __forceinline__ void load(const T* from, float (&to)[Count]) {
  using Access = typename Word<Count * sizeof(T) % 16 == 0>::Type;
  constexpr int words = static_cast<int>(Count * sizeof(T) / sizeof(Access));
  Access raw[words];
  CUH_UNROLL
  for (int i = 0; i < words; ++i) raw[i] = __ldg(reinterpret_cast<const Access*>(from) + i);
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

}  // namespace flownet2::cuda
