// SPDX-License-Identifier: Apache-2.0
// Vec: sixteen floats; the names are those of simd_scalar.hpp.
#pragma once

#include <immintrin.h>

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

}  // namespace
}  // namespace flownet2
