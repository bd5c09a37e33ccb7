// SPDX-License-Identifier: Apache-2.0
// binary16 and bfloat16: conversions written out, types for storage.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "language.hpp"

namespace cuh::detail {

inline float bits_to_float(uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
inline uint32_t float_to_bits(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}

// binary16 <-> binary32, round to nearest even, written out so it needs no compiler support
inline uint16_t f32_to_f16(float f) {
  const uint32_t u = float_to_bits(f), sign = u >> 16 & 0x8000;
  const uint32_t a = u & 0x7fffffff;
  if (a > 0x7f800000) return uint16_t(sign | 0x7fff);   // NaN
  if (a >= 0x477ff000) return uint16_t(sign | 0x7c00);  // overflows to Inf after rounding
  if (a < 0x38800000) {                                 // subnormal or zero in f16
    const float scaled = std::fabs(f) * 16777216.0f;    // 2^24: units of the smallest subnormal
    return uint16_t(sign | uint32_t(std::nearbyintf(scaled)));
  }
  const uint32_t r = a + 0xfff + (a >> 13 & 1);
  return uint16_t(sign | ((r - 0x38000000) >> 13));
}
inline float f16_to_f32(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;
  if (e == 31) return bits_to_float(sign | 0x7f800000 | m << 13);
  if (e == 0) {
    const float v = float(m) * 5.9604644775390625e-8f;
    return sign ? -v : v;
  }
  return bits_to_float(sign | (e + 112) << 23 | m << 13);
}
inline uint16_t f32_to_bf16(float f) {
  const uint32_t u = float_to_bits(f);
  if ((u & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
inline float bf16_to_f32(uint16_t h) { return bits_to_float(uint32_t(h) << 16); }

}  // namespace cuh::detail

struct alignas(2) __half {
  uint16_t bits;
  __half() = default;
  __half(float f) : bits(cuh::detail::f32_to_f16(f)) {}
  operator float() const { return cuh::detail::f16_to_f32(bits); }
};
struct alignas(2) __nv_bfloat16 {
  uint16_t bits;
  __nv_bfloat16() = default;
  __nv_bfloat16(float f) : bits(cuh::detail::f32_to_bf16(f)) {}
  operator float() const { return cuh::detail::bf16_to_f32(bits); }
};
typedef __half half;
typedef __nv_bfloat16 nv_bfloat16;
struct alignas(4) __half2 {
  __half x, y;
};
struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
inline __half __float2half(float f) { return __half(f); }
inline __half __float2half_rn(float f) { return __half(f); }
inline float __half2float(__half h) { return float(h); }
inline __nv_bfloat16 __float2bfloat16(float f) { return __nv_bfloat16(f); }
inline float __bfloat162float(__nv_bfloat16 h) { return float(h); }
inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
inline float2 __half22float2(__half2 h) { return make_float2(h.x, h.y); }
inline __nv_bfloat162 __floats2bfloat162_rn(float a, float b) {
  return {__nv_bfloat16(a), __nv_bfloat16(b)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 h) { return make_float2(h.x, h.y); }
