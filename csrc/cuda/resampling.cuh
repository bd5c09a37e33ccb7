// SPDX-License-Identifier: Apache-2.0
// Where a resize reads a line, in whole numbers alone: exact, and no float64 on the GPU.
#pragma once

#include "cuda/device.cuh"

namespace flownet2::cuda {

struct Tap {
  int first, second;
  float weight;  // of the second
};

/// Position `numerator` / `denominator` on a line of `in` elements.
template <typename Index>
__device__ __forceinline__ Tap tap_at(Index numerator, Index denominator, int in) {
  const Index first = numerator / denominator;
  const auto rest = static_cast<float>(numerator - first * denominator);
  const int place = static_cast<int>(first);
  return {place, min(place + 1, in - 1), rest / static_cast<float>(denominator)};
}

/// Bilinear. corners: i * (in - 1) / (out - 1). Otherwise max((i + 0.5) * in / out - 0.5, 0).
/// Index holds 2 * in * out.
template <typename Index>
__device__ __forceinline__ Tap bilinear_tap(int i, int in, int out, bool corners) {
  const auto at = static_cast<Index>(i);
  const auto length = static_cast<Index>(in);
  const auto steps = static_cast<Index>(out);
  if (corners) return tap_at<Index>(at * (length - 1), out > 1 ? steps - 1 : 1, in);
  const Index twice = (2 * at + 1) * length;
  return tap_at<Index>(twice > steps ? twice - steps : 0, 2 * steps, in);
}

/// bilinear_tap for out = 4 * in; half-pixel positions are whole eighths there.
__device__ __forceinline__ Tap quadruple_tap(int i, int in, bool corners) {
  if (corners) return bilinear_tap<unsigned>(i, in, 4 * in, true);
  const int eighths = max(2 * i - 3, 0);
  const int first = eighths / 8;
  return {first, min(first + 1, in - 1), static_cast<float>(eighths % 8) * 0.125f};
}

/// Rows first, then columns, as the CPU's kernel.
__device__ __forceinline__ float blend(float v00, float v01, float v10, float v11, const Tap& line,
                                       const Tap& column) {
  const float left = v00 * (1.0f - line.weight) + v10 * line.weight;
  const float right = v01 * (1.0f - line.weight) + v11 * line.weight;
  return left * (1.0f - column.weight) + right * column.weight;
}

}  // namespace flownet2::cuda
