// SPDX-License-Identifier: Apache-2.0
// Vec: sixteen floats; the names are those of simd_scalar.hpp.
#pragma once

#include <immintrin.h>

#include "cpu/bfloat16.hpp"
#include "cpu/simd_x86.hpp"

namespace flownet2 {
namespace {

constexpr int vec_width = 16;
constexpr int vec_registers = 32;

using Vec = __m512;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec splat(float value) { return _mm512_set1_ps(value); }
inline Vec load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Vec v) { _mm512_storeu_ps(to, v); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return _mm512_fmadd_ps(a, b, sum); }

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) {
  const __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_mask_blend_ps(positive, _mm512_mul_ps(v, slope), v);
}

// ---- bfloat16

/// The floats of the same values.
inline Vec load(const bfloat16* from) {
  const __m512i words =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}

/// Rounded to nearest, ties to even; NaN stays NaN.
inline void store(bfloat16* to, Vec v) {
#if defined(__AVX512BF16__)
  const __m256i rounded = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v));
#else
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i nearest = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  const __m512i upper = _mm512_srli_epi32(_mm512_mask_blend_epi32(is_nan, nearest, quiet), 16);
  const __m256i rounded = _mm512_cvtepi32_epi16(upper);
#endif
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), rounded);
}

/// Products of pairs_multiply_add in the time of one of multiply_add, about.
#if defined(__AVX512BF16__)
constexpr double pairs_rate = 2.0;
#else
constexpr double pairs_rate = 0.8;
#endif

/// The lower and the upper of each pair, as floats.
inline Vec lower_of_pairs(Vec pairs) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs), 16));
}
inline Vec upper_of_pairs(Vec pairs) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), upper));
}

/// Lanes of a and b are pairs of bfloat16: sum + upper * upper + lower * lower, rounded after each.
inline Vec pairs_multiply_add(Vec a, Vec b, Vec sum) {
#if defined(__AVX512BF16__)
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
#else
  sum = multiply_add(upper_of_pairs(a), upper_of_pairs(b), sum);
  return multiply_add(lower_of_pairs(a), lower_of_pairs(b), sum);
#endif
}

}  // namespace
}  // namespace flownet2
