// SPDX-License-Identifier: Apache-2.0
// Vec: four floats that the compiler maps to the target's baseline registers.
#pragma once

#include <cstring>

namespace flownet2 {
namespace {

constexpr int vec_width = 4;

#if defined(__GNUC__)
using Vec = float __attribute__((vector_size(16)));

inline Vec multiply_add(Vec a, Vec b, Vec sum) { return sum + a * b; }

inline Vec add(Vec a, Vec b) { return a + b; }
#else
struct Vec {
  float lane[vec_width];
};

inline Vec multiply_add(const Vec& a, const Vec& b, Vec sum) {
  for (int i = 0; i < vec_width; ++i) sum.lane[i] += a.lane[i] * b.lane[i];
  return sum;
}

inline Vec add(Vec a, const Vec& b) {
  for (int i = 0; i < vec_width; ++i) a.lane[i] += b.lane[i];
  return a;
}
#endif

inline Vec load(const float* from) {
  Vec v;
  memcpy(&v, from, sizeof(v));
  return v;
}

inline void store(float* to, const Vec& v) { memcpy(to, &v, sizeof(v)); }

}  // namespace
}  // namespace flownet2
