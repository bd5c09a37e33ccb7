// SPDX-License-Identifier: Apache-2.0
// What simd_avx2.hpp and simd_avx512.hpp have in common.
#pragma once

#include <immintrin.h>

namespace flownet2 {
namespace {

/// Sum of 16 floats: halves onto halves, in the same order in every simd_*.hpp.
inline float sum_of_16(const float* from) {
  const __m256 eight = _mm256_add_ps(_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

}  // namespace
}  // namespace flownet2
