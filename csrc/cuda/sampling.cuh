// SPDX-License-Identifier: Apache-2.0
// The four neighbours that a bilinear sample reads: the arithmetic of cpu/kernels/warp.inl.hpp, for one
// pixel. Coordinates are clamped while they are floats: every float, NaN and infinities included, gives
// places inside the image.
#pragma once

#include <flownet2/ops.hpp>

#include "cuda/device.cuh"

namespace flownet2::cuda {

constexpr float inside_share =
    0.9999f;  // mmflow/ops/warp.py: less of the weight inside counts as outside

struct AxisPoint {
  int first;
  float weight;  // of first + 1; NaN if the point is
};

__device__ __forceinline__ AxisPoint axis_point(float at, int size, bool border) {
  // Under zero padding points at -2 and at `size` have no neighbour inside, nor has any beyond.
  const float low = border ? 0.0f : -2.0f;
  const float high = static_cast<float>(border ? size - 1 : size);
  const float below = at > low ? at : low;  // NaN: low
  const float clamped = below < high ? below : high;
  const int whole = static_cast<int>(clamped);
  const int first = whole - (static_cast<float>(whole) > clamped ? 1 : 0);
  return {first, at == at ? clamped - static_cast<float>(first) : at};
}

/// position + flow under align_corners: an axis of one pixel is read at 0.
__device__ __forceinline__ float corner_point(int position, float flow, int size) {
  return size == 1 ? 0.0f : static_cast<float>(position) + flow;
}

/// Whether padding "cut" gives 0; not where a coordinate is NaN.
__device__ __forceinline__ bool is_cut(float at_x, float at_y, int h, int w) {
  const bool beyond =
      at_x < 0.0f || at_x >= static_cast<float>(w) || at_y < 0.0f || at_y >= static_cast<float>(h);
  return beyond && at_x == at_x && at_y == at_y;
}

constexpr int outside = -0x7fffffff - 1;  // a place that counts as 0

/// In the order 00, 01, 10, 11 (row, column).
struct SampleTaps {
  int place[4];  // in the plane, or `outside`
  float weight[4];
  float share;  // of the weight that lies inside
};

/// A step is what a place grows by from one row or column to the next; all places are countable in 32
/// bits.
__device__ __forceinline__ SampleTaps sample_taps(float at_x, float at_y, int h, int w, Padding padding,
                                                  int row_step, int column_step) {
  const bool border = padding != Padding::zeros;
  const bool cut = padding == Padding::cut && is_cut(at_x, at_y, h, w);
  const AxisPoint column = axis_point(at_x, w, border);
  const AxisPoint line = axis_point(at_y, h, border);
  SampleTaps taps;
  taps.share = 0.0f;
  CUH_UNROLL
  for (int k = 0; k < 4; ++k) {
    const int y = line.first + k / 2;
    const int x = column.first + k % 2;
    const float weight =
        (k / 2 ? line.weight : 1.0f - line.weight) * (k % 2 ? column.weight : 1.0f - column.weight);
    const int inner_y = min(max(y, 0), h - 1);
    const int inner_x = min(max(x, 0), w - 1);
    const bool used = !cut && (border || (inner_y == y && inner_x == x) || weight != weight);
    taps.place[k] = used ? inner_y * row_step + inner_x * column_step : outside;
    taps.weight[k] = weight;
    taps.share += used ? weight : 0.0f;
  }
  return taps;
}

}  // namespace flownet2::cuda
