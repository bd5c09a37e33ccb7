// SPDX-License-Identifier: Apache-2.0
// Vec: sixteen floats; the names are those of simd_scalar.hpp.
#pragma once

#include <immintrin.h>

#include "cpu/bfloat16.hpp"

namespace flownet2 {
namespace {

constexpr int vec_width = 16;
constexpr int vec_registers = 32;

using Vec = __m512;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec splat(float value) { return _mm512_set1_ps(value); }
inline Vec load(const float* from) { return _mm512_loadu_ps(from); }
inline Vec load_once(const float* from) {
  Vec v = load(from);
  __asm__("" : "+v"(v));
  return v;
}
inline void store(float* to, Vec v) { _mm512_storeu_ps(to, v); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return _mm512_fmadd_ps(a, b, sum); }

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) {
  const __mmask16 positive = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_mask_blend_ps(positive, _mm512_mul_ps(v, slope), v);
}

/// Row i, lane j <-> row j, lane i.
inline void transpose(Vec (&rows)[vec_width]) {
  __m512 pairs[16];
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
  __m512 fours[16];  // fours[i + k]: of rows i ... i + 3, columns 4 * quarter + k
  for (int i = 0; i < 16; i += 4) {
    for (int k = 0; k < 2; ++k) {
      const __m512d first = _mm512_castps_pd(pairs[i + k]);
      const __m512d second = _mm512_castps_pd(pairs[i + 2 + k]);
      fours[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(first, second));
      fours[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(first, second));
    }
  }
  for (int k = 0; k < 4; ++k) {
    const __m512 low02 = _mm512_shuffle_f32x4(fours[k], fours[k + 4], 0x88);
    const __m512 low13 = _mm512_shuffle_f32x4(fours[k], fours[k + 4], 0xdd);
    const __m512 high02 = _mm512_shuffle_f32x4(fours[k + 8], fours[k + 12], 0x88);
    const __m512 high13 = _mm512_shuffle_f32x4(fours[k + 8], fours[k + 12], 0xdd);
    rows[k] = _mm512_shuffle_f32x4(low02, high02, 0x88);
    rows[k + 4] = _mm512_shuffle_f32x4(low13, high13, 0x88);
    rows[k + 8] = _mm512_shuffle_f32x4(low02, high02, 0xdd);
    rows[k + 12] = _mm512_shuffle_f32x4(low13, high13, 0xdd);
  }
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

#if defined(__AVX512BF16__)
/// What simd_pairs.hpp says, as one instruction.
inline Vec pairs_multiply_add(Vec a, Vec b, Vec sum) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#endif

}  // namespace
}  // namespace flownet2

#if !defined(__AVX512BF16__)
#include "cpu/simd_pairs.hpp"
#endif
