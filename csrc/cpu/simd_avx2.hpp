// SPDX-License-Identifier: Apache-2.0
// Vec: eight floats; the names are those of simd_scalar.hpp.
#pragma once

#include <immintrin.h>

#include "cpu/bfloat16.hpp"

namespace flownet2 {
namespace {

constexpr int vec_width = 8;
constexpr int vec_registers = 16;

using Vec = __m256;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec splat(float value) { return _mm256_set1_ps(value); }
inline Vec load(const float* from) { return _mm256_loadu_ps(from); }
inline Vec load_once(const float* from) {
  Vec v = load(from);
  __asm__("" : "+x"(v));
  return v;
}
inline void store(float* to, Vec v) { _mm256_storeu_ps(to, v); }
inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec multiply_add(Vec a, Vec b, Vec sum) { return _mm256_fmadd_ps(a, b, sum); }

/// v where v > 0, else v * slope; NaN stays NaN.
inline Vec leaky(Vec v, Vec slope) {
  const Vec positive = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
  return _mm256_blendv_ps(_mm256_mul_ps(v, slope), v, positive);
}

inline void transpose(Vec (&rows)[vec_width]) {
  __m256 fours[8];  // fours[i + k]: of rows i ... i + 3, columns 4 * half + k
  for (int i = 0; i < 8; i += 4) {
    const __m256 low01 = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    const __m256 high01 = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    const __m256 low23 = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const __m256 high23 = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
    fours[i] = _mm256_shuffle_ps(low01, low23, 0x44);
    fours[i + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
    fours[i + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
    fours[i + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
  }
  for (int k = 0; k < 4; ++k) {
    rows[k] = _mm256_permute2f128_ps(fours[k], fours[k + 4], 0x20);
    rows[k + 4] = _mm256_permute2f128_ps(fours[k], fours[k + 4], 0x31);
  }
}

// ---- bfloat16

inline Vec load(const bfloat16* from) {
  const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
}

inline void store(bfloat16* to, Vec v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i nearest = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256 is_nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256 chosen =
      _mm256_blendv_ps(_mm256_castsi256_ps(nearest), _mm256_castsi256_ps(quiet), is_nan);
  const __m256i upper = _mm256_srli_epi32(_mm256_castps_si256(chosen), 16);
  const __m128i rounded =
      _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), rounded);
}

constexpr double pairs_rate = 0.8;

inline Vec lower_of_pairs(Vec pairs) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs), 16));
}
inline Vec upper_of_pairs(Vec pairs) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(pairs), upper));
}

}  // namespace
}  // namespace flownet2

#include "cpu/simd_pairs.hpp"
