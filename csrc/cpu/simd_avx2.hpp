// SPDX-License-Identifier: Apache-2.0
// Vec: eight floats; the names are those of simd_scalar.hpp.
#pragma once

#include <immintrin.h>

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

/// Sum of 16 floats: halves onto halves, in the same order in every simd_*.hpp.
inline float sum_of_16(const float* from) {
  const __m256 eight = _mm256_add_ps(load(from), load(from + 8));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) {
  const Vec positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
  return _mm256_blendv_ps(_mm256_mul_ps(v, slope), v, positive);
}

}  // namespace
}  // namespace flownet2
