// SPDX-License-Identifier: Apache-2.0
// Correlation of a block of pixels, in some rows of a, with one row of b at D horizontal displacements
// (Caffe `Correlation`, kernel_size 1).
//   sums[row][k, x] += sum over c of a[row][c, x] * b[c, x + k * stride]
// Registers hold the sums of a vector of pixels for a group of displacements in all rows: a vector of b,
// whose loads cross cache lines, meets every row. Each sum runs over the channels in order.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr int correlation_rows = vec_registers >= 32 ? 3 : 2;
static_assert(correlation_rows <= most_correlation_rows, "the block names no more rows");

/// Displacements of a group: sums, pixels of each row and a vector of b fill three quarters.
constexpr int correlation_group = vec_registers >= 32 ? 7 : 6;

struct CorrelationTile {
  std::int64_t pixel;  // first of the vector
  std::int64_t first;  // displacement
};

template <int Rows, int Group>
void correlation_tile(const CorrelationBlock& block, const CorrelationTile& tile) {
  Vec sums[Rows][Group] = {};
  const float* b = block.b + tile.pixel + tile.first * block.stride;
  std::int64_t at = tile.pixel;
  for (std::int64_t c = 0; c < block.channels; ++c) {
    Vec pixels[Rows];
    FLOWNET2_UNROLL
    for (int i = 0; i < Rows; ++i) pixels[i] = load(block.a[i] + at);
    FLOWNET2_UNROLL
    for (int k = 0; k < Group; ++k) {
      const Vec partners = load_once(b + k * block.stride);
      FLOWNET2_UNROLL
      for (int i = 0; i < Rows; ++i) sums[i][k] = multiply_add(partners, pixels[i], sums[i][k]);
    }
    at += correlation_pixels;
    b += block.b_width;
  }
  FLOWNET2_UNROLL
  for (int i = 0; i < Rows; ++i) {
    FLOWNET2_UNROLL
    for (int k = 0; k < Group; ++k) {
      float* to = block.sums[i] + (tile.first + k) * correlation_pixels + tile.pixel;
      store(to, add(load(to), sums[i][k]));
    }
  }
}

/// correlation_tile<Rows, group>.
template <int Rows, int Group>
void correlation_tile_of(std::int64_t group, const CorrelationBlock& block,
                         const CorrelationTile& tile) {
  if constexpr (Group > 0) {
    if (group == Group) {
      correlation_tile<Rows, Group>(block, tile);
    } else {
      correlation_tile_of<Rows, Group - 1>(group, block, tile);
    }
  }
}

template <int Rows>
void correlation_rows_of(const CorrelationBlock& block) {
  if constexpr (Rows > 0) {
    if (block.rows != Rows) return correlation_rows_of<Rows - 1>(block);
    const std::int64_t groups = (block.displacements + correlation_group - 1) / correlation_group;
    for (std::int64_t group = 0; group < groups; ++group) {
      const std::int64_t first = block.displacements * group / groups;
      const std::int64_t count = block.displacements * (group + 1) / groups - first;
      for (std::int64_t pixel = 0; pixel < correlation_pixels; pixel += vec_width) {
        correlation_tile_of<Rows, correlation_group>(count, block, {pixel, first});
      }
    }
  }
}

// ---- kernels

void correlate_block(const CorrelationBlock& block) { correlation_rows_of<correlation_rows>(block); }

}  // namespace
}  // namespace flownet2
