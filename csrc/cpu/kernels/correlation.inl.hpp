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

namespace flownet2 {
namespace {

// ---- helpers

constexpr std::int64_t channel_chunk = 64;
constexpr std::int64_t largest_group = 6;  // 2 * 6 sums, 2 of a and 1 of b fill 16 registers
constexpr std::int64_t vecs_per_block = correlation_block / vec_width;

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
  Vec sums[Group][vecs_per_block] = {};
  const float* a = tile.a;
  const float* b = tile.b;
  for (std::int64_t c = 0; c < tile.channels; ++c) {
    for (int j = 0; j < vecs_per_block; ++j) {
      const Vec pixels = load(a + j * vec_width);
      for (int k = 0; k < Group; ++k) {
        sums[k][j] = multiply_add(load(b + k * tile.stride + j * vec_width), pixels, sums[k][j]);
      }
    }
    a += correlation_block;
    b += tile.b_width;
  }
  for (int k = 0; k < Group; ++k) {
    for (int j = 0; j < vecs_per_block; ++j) {
      float* to = tile.sums + k * tile.sums_width + j * vec_width;
      store(to, add(load(to), sums[k][j]));
    }
  }
}

using CorrelationTileFunction = void (*)(const CorrelationTile&);
constexpr CorrelationTileFunction correlation_tiles[largest_group + 1] = {
    nullptr,
    correlation_tile<1>,
    correlation_tile<2>,
    correlation_tile<3>,
    correlation_tile<4>,
    correlation_tile<5>,
    correlation_tile<6>,
};

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
        correlation_tiles[count](tile);
      }
    }
  }
}

}  // namespace
}  // namespace flownet2
