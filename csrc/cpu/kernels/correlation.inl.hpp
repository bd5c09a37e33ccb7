// SPDX-License-Identifier: Apache-2.0
// Correlation of one row with another at D horizontal displacements (Caffe `Correlation`, kernel_size
// 1).
//   sums[k, x] += sum over c of a[c, x] * b[c, x + k * stride]
// Registers hold two vectors of x times a group of displacements; channels go in chunks that keep the
// window of b in the first-level cache. Each sum runs over the chunks in order, inside a chunk over the
// channels in order.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr std::int64_t channel_chunk = 64;
constexpr std::int64_t vecs_per_pixels = correlation_block / vec_width;
constexpr std::int64_t largest_group =
    3 * vec_registers / 4 / vecs_per_pixels;  // the rest is for a and b

struct CorrelationTile {
  const float* a;  // (channels, correlation_block)
  const float* b;
  float* sums;
  std::int64_t channels;
  std::int64_t b_width;
  std::int64_t sums_width;
  std::int64_t stride;
};

template <int Group>
void correlation_tile(const CorrelationTile& tile) {
  Vec sums[Group][vecs_per_pixels] = {};
  const float* a = tile.a;
  const float* b = tile.b;
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    FLOWNET2_UNROLL
    for (int j = 0; j < vecs_per_pixels; ++j) {
      const Vec pixels = load(a + j * vec_width);
      FLOWNET2_UNROLL
      for (int k = 0; k < Group; ++k) {
        sums[k][j] = multiply_add(load(b + k * tile.stride + j * vec_width), pixels, sums[k][j]);
      }
    }
    a += correlation_block;
    b += tile.b_width;
  }
  FLOWNET2_UNROLL
  for (int k = 0; k < Group; ++k) {
    FLOWNET2_UNROLL
    for (int j = 0; j < vecs_per_pixels; ++j) {
      float* to = tile.sums + k * tile.sums_width + j * vec_width;
      store(to, add(load(to), sums[k][j]));
    }
  }
}

/// correlation_tile<group>.
template <int Group>
void correlation_group(std::int64_t group, const CorrelationTile& tile) {
  if constexpr (Group > 0) {
    if (group == Group) {
      correlation_tile<Group>(tile);
    } else {
      correlation_group<Group - 1>(group, tile);
    }
  }
}

// ---- kernels

void correlation_row(const CorrelationRow& row) {
  const std::int64_t groups = (row.displacements + largest_group - 1) / largest_group;
  CorrelationTile tile;
  tile.b_width = row.b_width;
  tile.sums_width = row.blocks * correlation_block;
  tile.stride = row.stride;
  for (std::int64_t c = 0; c < row.channels; c += channel_chunk) {
    tile.channels = row.channels - c < channel_chunk ? row.channels - c : channel_chunk;
    for (std::int64_t block = 0; block < row.blocks; ++block) {
      tile.a = row.a + (block * row.channels + c) * correlation_block;
      for (std::int64_t group = 0; group < groups; ++group) {
        const std::int64_t first = group * row.displacements / groups;
        const std::int64_t count = (group + 1) * row.displacements / groups - first;
        tile.b = row.b + c * row.b_width + block * correlation_block + first * row.stride;
        tile.sums = row.sums + first * tile.sums_width + block * correlation_block;
        correlation_group<largest_group>(count, tile);
      }
    }
  }
}

}  // namespace
}  // namespace flownet2
