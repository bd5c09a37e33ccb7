// SPDX-License-Identifier: Apache-2.0
// Vec: four floats that the compiler maps to the target's baseline registers. The other simd_*.hpp have
// the same names; a kernel is written against them and compiled once with each.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/bfloat16.hpp"

namespace flownet2 {
namespace {

constexpr int vec_width = 4;
constexpr int vec_registers = 16;

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float float_of(std::uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

#if defined(__GNUC__)
using Vec = float __attribute__((vector_size(16)));

inline Vec splat(float value) { return Vec{value, value, value, value}; }
inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return sum + a * b; }

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) { return v > 0.0f ? v : v * slope; }

/// Products of pairs_multiply_add in the time of one of multiply_add, about.
constexpr double pairs_rate = 0.5;

/// The lower and the upper of each pair of bfloat16, as floats.
using VecBits = std::uint32_t __attribute__((vector_size(16)));
inline Vec lower_of_pairs(Vec pairs) {
  return reinterpret_cast<Vec>(reinterpret_cast<VecBits>(pairs) << 16);
}
inline Vec upper_of_pairs(Vec pairs) {
  return reinterpret_cast<Vec>(reinterpret_cast<VecBits>(pairs) & 0xffff0000u);
}
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

inline Vec lower_of_pairs(Vec pairs) {
  for (float& lane : pairs.lane) lane = float_of(bits_of(lane) << 16);
  return pairs;
}

inline Vec upper_of_pairs(Vec pairs) {
  for (float& lane : pairs.lane) lane = float_of(bits_of(lane) & 0xffff0000u);
  return pairs;
}
#endif

inline Vec zero() { return splat(0.0f); }

inline Vec load(const float* from) {
  Vec v;
  memcpy(&v, from, sizeof(v));
  return v;
}

/// Into a register for all its uses: compilers repeat the load in each operation that may take memory,
/// which is slow where it crosses a cache line.
inline Vec load_once(const float* from) { return load(from); }

inline void store(float* to, const Vec& v) { memcpy(to, &v, sizeof(v)); }

/// Row i, lane j <-> row j, lane i.
inline void transpose(Vec (&rows)[vec_width]) {
  float from[vec_width][vec_width];
  float to[vec_width][vec_width];
  for (int i = 0; i < vec_width; ++i) store(from[i], rows[i]);
  for (int i = 0; i < vec_width; ++i) {
    for (int j = 0; j < vec_width; ++j) to[j][i] = from[i][j];
  }
  for (int i = 0; i < vec_width; ++i) rows[i] = load(to[i]);
}

// ---- bfloat16

/// The floats of the same values.
inline Vec load(const bfloat16* from) {
  float lanes[vec_width];
  for (int i = 0; i < vec_width; ++i) lanes[i] = float_of(std::uint32_t{from[i].bits} << 16);
  return load(lanes);
}

/// Rounded to nearest, ties to even; NaN stays NaN.
inline void store(bfloat16* to, const Vec& v) {
  float lanes[vec_width];
  store(lanes, v);
  for (int i = 0; i < vec_width; ++i) {
    const std::uint32_t bits = bits_of(lanes[i]);
    const bool is_nan = lanes[i] != lanes[i];
    const std::uint32_t rounded = is_nan ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u);
    to[i].bits = static_cast<std::uint16_t>(rounded >> 16);
  }
}

}  // namespace
}  // namespace flownet2

#include "cpu/simd_pairs.hpp"
