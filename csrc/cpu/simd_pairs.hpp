// SPDX-License-Identifier: Apache-2.0
// Products of pairs of bfloat16 where the instruction set has none; written against the vocabulary
// above.
#pragma once

namespace flownet2 {
namespace {

/// Lanes of a and b are pairs: sum + upper * upper + lower * lower, rounded after each.
inline Vec pairs_multiply_add(const Vec& a, const Vec& b, Vec sum) {
  sum = multiply_add(upper_of_pairs(a), upper_of_pairs(b), sum);
  return multiply_add(lower_of_pairs(a), lower_of_pairs(b), sum);
}

}  // namespace
}  // namespace flownet2
