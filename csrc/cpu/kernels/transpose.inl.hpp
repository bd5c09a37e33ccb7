// SPDX-License-Identifier: Apache-2.0
// Pixels of one group of 16 channels <-> 16 rows, one for each channel. vec_width pixels by vec_width
// channels are turned round in registers; what is left of a row goes pixel by pixel.
#pragma once

#include <cstdint>

#include "cpu/blocked.hpp"
#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t vecs_per_group = channel_block / vec_width;

/// Callers take so many pixels of a row, then the same of the other groups, then compute: what they take
/// next is far enough away for the processor not to expect it.
constexpr std::int64_t pixels_ahead = 2 * vec_width;

// ---- kernels

template <typename T>
void take_channels(const T* from, std::int64_t pixels, float* to, std::int64_t to_step) {
  std::int64_t p = 0;
  for (; p + vec_width <= pixels; p += vec_width) {
    for (std::int64_t v = 0; v < vecs_per_group; ++v) {
      Vec rows[vec_width];
      for (int i = 0; i < vec_width; ++i) {
        const T* pixel = from + (p + i) * pixel_step<T> + v * vec_width;
        rows[i] = load(pixel);
        FLOWNET2_PREFETCH(pixel + pixels_ahead * pixel_step<T>);
      }
      transpose(rows);
      for (int i = 0; i < vec_width; ++i) store(to + (v * vec_width + i) * to_step + p, rows[i]);
    }
  }
  for (; p < pixels; ++p) {
    float lanes[channel_block];
    for (std::int64_t v = 0; v < vecs_per_group; ++v)
      store(lanes + v * vec_width, load(from + p * pixel_step<T> + v * vec_width));
    for (std::int64_t c = 0; c < channel_block; ++c) to[c * to_step + p] = lanes[c];
  }
}

template <typename T>
void put_channels(const float* const* from, std::int64_t pixels, T* to) {
  std::int64_t p = 0;
  for (; p + vec_width <= pixels; p += vec_width) {
    for (std::int64_t v = 0; v < vecs_per_group; ++v) {
      Vec rows[vec_width];
      for (int i = 0; i < vec_width; ++i) {
        const float* row = from[v * vec_width + i];
        rows[i] = row == nullptr ? zero() : load(row + p);
      }
      transpose(rows);
      for (int i = 0; i < vec_width; ++i) store(to + (p + i) * pixel_step<T> + v * vec_width, rows[i]);
    }
  }
  for (; p < pixels; ++p) {
    float lanes[channel_block];
    for (std::int64_t c = 0; c < channel_block; ++c) lanes[c] = from[c] == nullptr ? 0.0f : from[c][p];
    for (std::int64_t v = 0; v < vecs_per_group; ++v)
      store(to + p * pixel_step<T> + v * vec_width, load(lanes + v * vec_width));
  }
}

}  // namespace
}  // namespace flownet2
