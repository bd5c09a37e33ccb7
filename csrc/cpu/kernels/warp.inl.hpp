// SPDX-License-Identifier: Apache-2.0
// Backward bilinear warping of one row (Caffe `FlowWarp`, mmflow `Warp`).
//   out[c, y, x] = sum of the four neighbours of (x + u, y + v), in the order 00, 01, 10, 11 (row,
//   column)
// Weights and places are found once per pixel, then used for all channels. Coordinates are clamped while
// they are floats: every float, NaN and infinities included, gives places inside the image.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr std::int64_t warp_block = 256;
constexpr std::int64_t outside = -1;
constexpr float inside_share =
    0.9999f;  // mmflow/ops/warp.py: less of the weight inside counts as outside

/// The two neighbours first, first + 1 of a coordinate, and the weight of the second; NaN keeps its NaN
/// weight.
struct Neighbours {
  std::int64_t first;
  float weight;
};

inline Neighbours neighbours(float position, float scale, std::int64_t size, const WarpImage& image) {
  if (!image.align_corners) {
    position = position * scale - 0.5f;
  } else if (size == 1) {
    position = 0.0f;
  }
  // Under zero padding points at -2 and at `size` have no neighbour inside, nor has any beyond.
  const float low = image.border ? 0.0f : -2.0f;
  const float high = static_cast<float>(image.border ? size - 1 : size);
  const float clamped = position > low ? (position < high ? position : high) : low;
  std::int64_t first = static_cast<std::int64_t>(clamped);
  if (static_cast<float>(first) > clamped) --first;
  return {first, position == position ? clamped - static_cast<float>(first) : position};
}

inline std::int64_t clamp_index(std::int64_t i, std::int64_t size) {
  return i < 0 ? 0 : (i < size ? i : size - 1);
}

/// The four neighbours of each pixel of a block.
struct WarpTaps {
  std::int64_t place[4][warp_block];  // in the plane, or `outside`
  float weight[4][warp_block];
};

inline void find_taps(const WarpImage& image, std::int64_t x, std::int64_t y, std::int64_t i,
                      WarpTaps& taps) {
  const float* u = image.flow + y * image.w + x;
  const float* v = u + image.h * image.w;
  const Neighbours column = neighbours(static_cast<float>(x) + *u, image.scale_x, image.w, image);
  const Neighbours line = neighbours(static_cast<float>(y) + *v, image.scale_y, image.h, image);
  float share = 0.0f;
  for (int k = 0; k < 4; ++k) {
    const int dy = k / 2;
    const int dx = k % 2;
    const float weight =
        (dy ? line.weight : 1.0f - line.weight) * (dx ? column.weight : 1.0f - column.weight);
    const std::int64_t row = clamp_index(line.first + dy, image.h);
    const std::int64_t col = clamp_index(column.first + dx, image.w);
    const bool used =
        image.border || (row == line.first + dy && col == column.first + dx) || weight != weight;
    taps.place[k][i] = used ? row * image.w + col : outside;
    taps.weight[k][i] = weight;
    share += used ? weight : 0.0f;
  }
  if (image.mask && !(share > inside_share)) {
    for (int k = 0; k < 4; ++k) taps.weight[k][i] *= 0.0f;
  }
}

template <bool Border>
inline float blend(const float* plane, const WarpTaps& taps, std::int64_t i) {
  float sum = 0.0f;
  for (int k = 0; k < 4; ++k) {
    const std::int64_t place = taps.place[k][i];
    if (Border || place != outside) sum += taps.weight[k][i] * plane[place];
  }
  return sum;
}

// ---- kernels

void warp_row(const WarpImage& image, std::int64_t y) {
  WarpTaps taps;
  for (std::int64_t x = 0; x < image.w; x += warp_block) {
    const std::int64_t count = image.w - x < warp_block ? image.w - x : warp_block;
    for (std::int64_t i = 0; i < count; ++i) find_taps(image, x + i, y, i, taps);
    for (std::int64_t c = 0; c < image.channels; ++c) {
      const float* plane = image.x + c * image.h * image.w;
      float* out = image.out + (c * image.h + y) * image.w + x;
      if (image.border) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = blend<true>(plane, taps, i);
      } else {
        for (std::int64_t i = 0; i < count; ++i) out[i] = blend<false>(plane, taps, i);
      }
    }
  }
}

}  // namespace
}  // namespace flownet2
