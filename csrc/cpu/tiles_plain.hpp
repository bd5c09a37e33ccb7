// SPDX-License-Identifier: Apache-2.0
// AMX's tile registers as arrays: for tests on processors without them. Sums are rounded as those of
// TDPBF16PS: lower and upper values of the pairs apart, then added to what the tile holds.
#pragma once

#include <cstdint>
#include <cstring>

#include "cpu/tile_shapes.hpp"

namespace flownet2 {
namespace {

struct PlainTiles {
  TileShapes shapes;
  std::uint32_t words[8][16][16];
  bool configured;
};

thread_local PlainTiles plain_tiles;

/// A use that the processor would refuse.
inline void tile_fault() { __builtin_trap(); }

inline void tile_configure(const TileShapes& shapes) {
  if (shapes.palette != 1) tile_fault();
  for (int i = 0; i < 8; ++i) {
    if (shapes.rows[i] > 16 || shapes.row_bytes[i] > 64) tile_fault();
  }
  memset(&plain_tiles, 0, sizeof(plain_tiles));
  plain_tiles.shapes = shapes;
  plain_tiles.configured = true;
}

inline void tile_release() { memset(&plain_tiles, 0, sizeof(plain_tiles)); }

inline int tile_rows(int tile) {
  if (!plain_tiles.configured || plain_tiles.shapes.rows[tile] == 0) tile_fault();
  return plain_tiles.shapes.rows[tile];
}

template <int Tile>
inline void tile_load(const float* from, std::int64_t step) {
  const int rows = tile_rows(Tile);
  memset(plain_tiles.words[Tile], 0, sizeof(plain_tiles.words[Tile]));
  for (int r = 0; r < rows; ++r)
    memcpy(plain_tiles.words[Tile][r], from + r * step, plain_tiles.shapes.row_bytes[Tile]);
}

template <int Tile>
inline void tile_store(float* to, std::int64_t step) {
  const int rows = tile_rows(Tile);
  for (int r = 0; r < rows; ++r)
    memcpy(to + r * step, plain_tiles.words[Tile][r], plain_tiles.shapes.row_bytes[Tile]);
}

inline float lower_value(std::uint32_t word) {
  word <<= 16;
  float value;
  memcpy(&value, &word, sizeof(value));
  return value;
}

inline float upper_value(std::uint32_t word) {
  word &= 0xffff0000u;
  float value;
  memcpy(&value, &word, sizeof(value));
  return value;
}

template <int Sums, int A, int B>
inline void tile_product() {
  const int rows = tile_rows(Sums);
  const int inner = plain_tiles.shapes.row_bytes[A] / 4;
  const int columns = plain_tiles.shapes.row_bytes[Sums] / 4;
  const bool fits = tile_rows(A) == rows && tile_rows(B) == inner &&
                    plain_tiles.shapes.row_bytes[B] == plain_tiles.shapes.row_bytes[Sums];
  if (!fits) tile_fault();
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      float lower = 0.0f;
      float upper = 0.0f;
      for (int k = 0; k < inner; ++k) {
        lower += lower_value(plain_tiles.words[A][r][k]) * lower_value(plain_tiles.words[B][k][c]);
        upper += upper_value(plain_tiles.words[A][r][k]) * upper_value(plain_tiles.words[B][k][c]);
      }
      float sum;
      memcpy(&sum, &plain_tiles.words[Sums][r][c], sizeof(sum));
      sum += lower + upper;
      memcpy(&plain_tiles.words[Sums][r][c], &sum, sizeof(sum));
    }
  }
}

}  // namespace
}  // namespace flownet2
