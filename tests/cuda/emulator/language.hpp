// SPDX-License-Identifier: Apache-2.0
// Keywords and types of CUDA C++.
#pragma once

#include <cstddef>
#include <cstdint>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
// Plain __shared__: one static object, found again by its section so it can be poisoned per block.
#define __shared__ static __attribute__((section("cuh_shared"), unused))
#define CUH_UNROLL
#define CUH_NO_UNROLL

// Vector types with their alignment on the device, and make_TYPE().
#define CUH_VEC2(T, N)              \
  struct alignas(2 * sizeof(T)) N { \
    T x, y;                         \
  };                                \
  inline N make_##N(T x, T y) { return {x, y}; }
#define CUH_VEC3(T, N) \
  struct N {           \
    T x, y, z;         \
  };                   \
  inline N make_##N(T x, T y, T z) { return {x, y, z}; }
#define CUH_VEC4(T, N)              \
  struct alignas(4 * sizeof(T)) N { \
    T x, y, z, w;                   \
  };                                \
  inline N make_##N(T x, T y, T z, T w) { return {x, y, z, w}; }
// clang-format off
CUH_VEC2(float, float2)
CUH_VEC3(float, float3)
CUH_VEC4(float, float4)
CUH_VEC2(int, int2)
CUH_VEC3(int, int3)
CUH_VEC4(int, int4)
CUH_VEC2(unsigned, uint2)
CUH_VEC3(unsigned, uint3)
CUH_VEC4(unsigned, uint4)
CUH_VEC2(unsigned char, uchar2)
CUH_VEC4(unsigned char, uchar4)
CUH_VEC2(short, short2)
CUH_VEC2(unsigned short, ushort2)
CUH_VEC4(unsigned short, ushort4)
// clang-format on
#undef CUH_VEC2
#undef CUH_VEC3
#undef CUH_VEC4

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
