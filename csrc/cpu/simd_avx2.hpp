// SPDX-License-Identifier: Apache-2.0
// Vec: eight floats; the names are those of simd_scalar.hpp.
#pragma once

#include <immintrin.h>

#include "cpu/simd_x86.hpp"

namespace flownet2 {
namespace {

constexpr int vec_width = 8;
constexpr int vec_registers = 16;

using Vec = __m256;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec splat(float value) { return _mm256_set1_ps(value); }
inline Vec load(const float* from) { return _mm256_loadu_ps(from); }
inline void store(float* to, Vec v) { _mm256_storeu_ps(to, v); }
inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return _mm256_fmadd_ps(a, b, sum); }

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) {
  const Vec positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
  return _mm256_blendv_ps(_mm256_mul_ps(v, slope), v, positive);
}

}  // namespace
}  // namespace flownet2
