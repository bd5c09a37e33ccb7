// SPDX-License-Identifier: Apache-2.0
// Vec: four floats that the compiler maps to the target's baseline registers. The other simd_*.hpp have
// the same names; a kernel is written against them and compiled once with each.
#pragma once

#include <cstring>

namespace flownet2 {
namespace {

constexpr int vec_width = 4;
constexpr int vec_registers = 16;

#if defined(__GNUC__)
using Vec = float __attribute__((vector_size(16)));

inline Vec splat(float value) { return Vec{value, value, value, value}; }
inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return sum + a * b; }

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) { return v > 0.0f ? v : v * slope; }
#else
struct Vec {
  float lane[vec_width];
};

inline Vec splat(float value) { return {{value, value, value, value}}; }

inline Vec add(Vec a, const Vec& b) {
  for (int i = 0; i < vec_width; ++i) a.lane[i] += b.lane[i];
  return a;
}

inline Vec multiply_add(const Vec& a, const Vec& b, Vec sum) {
  for (int i = 0; i < vec_width; ++i) sum.lane[i] += a.lane[i] * b.lane[i];
  return sum;
}

inline Vec leaky(Vec v, const Vec& slope) {
  for (int i = 0; i < vec_width; ++i)
    v.lane[i] = v.lane[i] > 0.0f ? v.lane[i] : v.lane[i] * slope.lane[i];
  return v;
}
#endif

inline Vec zero() { return splat(0.0f); }

inline Vec load(const float* from) {
  Vec v;
  memcpy(&v, from, sizeof(v));
  return v;
}

inline void store(float* to, const Vec& v) { memcpy(to, &v, sizeof(v)); }

/// Sum of 16 floats: halves onto halves, in the same order in every simd_*.hpp.
inline float sum_of_16(const float* from) {
  const Vec four = add(add(load(from), load(from + 8)), add(load(from + 4), load(from + 12)));
  float part[vec_width];
  store(part, four);
  return (part[0] + part[2]) + (part[1] + part[3]);
}

}  // namespace
}  // namespace flownet2
