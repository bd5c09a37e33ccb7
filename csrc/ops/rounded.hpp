// SPDX-License-Identifier: Apache-2.0
// Single values to other types: bfloat16 and back, as the vector vocabularies of cpu/simd_*.hpp do it.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "cpu/bfloat16.hpp"

namespace flownet2 {

/// To nearest, ties to even; NaN stays NaN.
inline bfloat16 rounded(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = value != value ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u);
  return {static_cast<std::uint16_t>(bits >> 16)};
}

inline float widened(bfloat16 value) {
  const std::uint32_t bits = std::uint32_t{value.bits} << 16;
  float result = 0;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

/// value as a T: a float as it is.
template <typename T>
inline T converted(float value);
template <>
inline float converted<float>(float value) {
  return value;
}
template <>
inline bfloat16 converted<bfloat16>(float value) {
  return rounded(value);
}

inline float widened(float value) { return value; }

/// To nearest; infinite where a float is too small, which the language leaves undefined. NaN stays NaN.
inline float nearest_float(double value) {
  constexpr double halfway_to_infinity = 0x1.ffffffp127;
  constexpr double largest = std::numeric_limits<float>::max();
  if (std::abs(value) >= halfway_to_infinity) {
    return std::copysign(std::numeric_limits<float>::infinity(), value > 0 ? 1.0f : -1.0f);
  }
  return static_cast<float>(value > largest ? largest : (value < -largest ? -largest : value));
}

}  // namespace flownet2
