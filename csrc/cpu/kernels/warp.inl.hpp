// SPDX-License-Identifier: Apache-2.0
// Backward bilinear warping of one row (Caffe `FlowWarp`, mmflow `Warp`).
//   out[c, y, x] = sum of the four neighbours of (x + u, y + v), in the order 00, 01, 10, 11 (row,
//   column)
// Weights and places are found once per pixel, then used for all channels; the loops without branches
// are for the compiler to make vectors of. Coordinates are clamped while they are floats: every float,
// NaN and infinities included, gives places inside the image.
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

/// Along one axis, for each pixel of a block: its point, the two neighbours first, first + 1 of that,
/// and the weight of the second. A NaN point keeps its NaN weight.
struct WarpAxis {
  float at[warp_block];
  std::int32_t first[warp_block];
  float weight[warp_block];
};

/// Points position + step * i + flow[i] on an axis of `size` pixels.
struct WarpPoints {
  std::int32_t position;
  std::int32_t step;
  const float* flow;
  float scale;
  std::int64_t size;
};

template <bool AlignCorners>
inline void find_axis(const WarpPoints& points, bool border, std::int32_t count, WarpAxis& axis) {
  // Under zero padding points at -2 and at `size` have no neighbour inside, nor has any beyond.
  const float low = border ? 0.0f : -2.0f;
  const float high = static_cast<float>(border ? points.size - 1 : points.size);
  const bool single = AlignCorners && points.size == 1;
  for (std::int32_t i = 0; i < count; ++i) {
    float at = static_cast<float>(points.position + points.step * i) + points.flow[i];
    if (!AlignCorners) at = at * points.scale - 0.5f;
    at = single ? 0.0f : at;
    axis.at[i] = at;
    const float below = at > low ? at : low;  // NaN: low
    const float clamped = below < high ? below : high;
    const std::int32_t whole = static_cast<std::int32_t>(clamped);
    const std::int32_t first = whole - (static_cast<float>(whole) > clamped ? 1 : 0);
    axis.first[i] = first;
    axis.weight[i] = at == at ? clamped - static_cast<float>(first) : at;
  }
}

inline void find_axis(const WarpRow& row, const WarpPoints& points, std::int32_t count, WarpAxis& axis) {
  if (row.align_corners) {
    find_axis<true>(points, row.border, count, axis);
  } else {
    find_axis<false>(points, row.border, count, axis);
  }
}

/// The four neighbours of each pixel of a block.
struct WarpTaps {
  std::int64_t place[4][warp_block];  // in the plane, or `outside`
  float weight[4][warp_block];
  float share[warp_block];  // of the weight that lies inside
};

inline std::int32_t clamp_index(std::int32_t i, std::int32_t size) {
  const std::int32_t from = i < 0 ? 0 : i;
  return from < size ? from : size - 1;
}

template <bool Border>
inline void find_taps(const WarpRow& row, const WarpAxis& lines, const WarpAxis& columns,
                      std::int32_t count, WarpTaps& taps) {
  const std::int32_t h = static_cast<std::int32_t>(row.h);
  const std::int32_t w = static_cast<std::int32_t>(row.w);
  for (std::int32_t i = 0; i < count; ++i) taps.share[i] = 0.0f;
  for (std::int32_t k = 0; k < 4; ++k) {
    const std::int32_t dy = k / 2;
    const std::int32_t dx = k % 2;
    for (std::int32_t i = 0; i < count; ++i) {
      const float below = lines.weight[i];
      const float right = columns.weight[i];
      const float weight = (dy ? below : 1.0f - below) * (dx ? right : 1.0f - right);
      const std::int32_t line = clamp_index(lines.first[i] + dy, h);
      const std::int32_t column = clamp_index(columns.first[i] + dx, w);
      const std::int64_t place = static_cast<std::int64_t>(line) * row.w + column;
      taps.weight[k][i] = weight;
      if (Border) {
        taps.place[k][i] = place;
        taps.share[i] += weight;
        continue;
      }
      const bool inside = (line == lines.first[i] + dy) & (column == columns.first[i] + dx);
      const bool used = inside | (weight != weight);
      taps.place[k][i] = used ? place : outside;
      taps.share[i] += used ? weight : 0.0f;
    }
  }
}

inline bool beyond(float at, std::int64_t size) { return at < 0.0f || at >= static_cast<float>(size); }

/// Points outside the image read nothing; NaN points stay.
inline void cut_taps(const WarpRow& row, const WarpAxis& lines, const WarpAxis& columns,
                     std::int32_t count, WarpTaps& taps) {
  for (std::int32_t i = 0; i < count; ++i) {
    const bool number = taps.weight[0][i] == taps.weight[0][i];
    const bool cut = number && (beyond(lines.at[i], row.h) || beyond(columns.at[i], row.w));
    if (!cut) continue;
    for (auto& places : taps.place) places[i] = outside;
    taps.share[i] = 0.0f;
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

enum class Outside { border, zeros, cut };

template <Outside Rule>
void warp_pixels(const WarpRow& row, std::int64_t x, std::int32_t count) {
  WarpAxis lines;
  WarpAxis columns;
  WarpTaps taps;
  const float* u = row.flow + x;
  const auto at_x = static_cast<std::int32_t>(x);
  const auto at_y = static_cast<std::int32_t>(row.y);
  find_axis(row, {at_x, 1, u, row.scale_x, row.w}, count, columns);
  find_axis(row, {at_y, 0, u + row.flow_plane, row.scale_y, row.h}, count, lines);
  find_taps<Rule != Outside::zeros>(row, lines, columns, count, taps);
  if (Rule == Outside::cut) cut_taps(row, lines, columns, count, taps);
  if (row.mask) {
    for (auto& weights : taps.weight) {
      for (std::int32_t i = 0; i < count; ++i) {
        weights[i] = taps.share[i] > inside_share ? weights[i] : weights[i] * 0.0f;
      }
    }
  }
  for (std::int64_t c = 0; c < row.channels; ++c) {
    const float* plane = row.x + c * row.h * row.w;
    float* out = row.out + c * row.out_plane + x;
    for (std::int32_t i = 0; i < count; ++i) out[i] = blend<Rule == Outside::border>(plane, taps, i);
  }
}

// ---- kernels

void warp_row(const WarpRow& row) {
  for (std::int64_t x = 0; x < row.w; x += warp_block) {
    const auto count = static_cast<std::int32_t>(row.w - x < warp_block ? row.w - x : warp_block);
    if (row.cut) {
      warp_pixels<Outside::cut>(row, x, count);
    } else if (row.border) {
      warp_pixels<Outside::border>(row, x, count);
    } else {
      warp_pixels<Outside::zeros>(row, x, count);
    }
  }
}

}  // namespace
}  // namespace flownet2
