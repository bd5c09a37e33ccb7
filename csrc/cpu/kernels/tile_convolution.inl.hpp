// SPDX-License-Identifier: Apache-2.0
// The direct convolution of bfloat16 on tile registers (AMX). A tile of sums is 16 pixels times 16
// output channels; two by two of them share what is loaded: 16 pixels of 16 words each, and the weights
// of 16 words. Each sum runs over blocks of 16 words in order, inside a block over the taps.
#pragma once

#include <cstdint>

#include "cpu/kernels/table.inl.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr std::int64_t tile_pixels_most = 16;

// Tiles by number: sums of (half of the pixels, block of outputs), then pixels, then weights.
constexpr int tile_sums(int half, int block) { return half * 2 + block; }
constexpr int tile_input(int half) { return 4 + half; }
constexpr int tile_weights(int block) { return 6 + block; }

/// Tiles for that many pixels in each half; 0: the half is not used.
inline void tile_shape_for(std::int64_t first_half, std::int64_t second_half) {
  TileShapes shapes = {};
  shapes.palette = 1;
  const std::int64_t pixels[2] = {first_half, second_half};
  for (int half = 0; half < 2; ++half) {
    const std::uint8_t rows = static_cast<std::uint8_t>(pixels[half]);
    if (rows == 0) continue;
    for (int block = 0; block < 2; ++block) shapes.rows[tile_sums(half, block)] = rows;
    shapes.rows[tile_input(half)] = rows;
  }
  for (int block = 0; block < 2; ++block) shapes.rows[tile_weights(block)] = 16;
  for (int tile = 0; tile < 8; ++tile) {
    if (shapes.rows[tile] != 0) shapes.row_bytes[tile] = 64;
  }
  tile_configure(shapes);
}

template <int Half, int Block>
inline void tile_begin(const ConvolutionStrip& strip, const float* out) {
  if (strip.bias != nullptr) {
    tile_load<tile_sums(Half, Block)>(strip.bias + Block * channel_block, 0);  // every row the same
  } else {
    const float* from = out + Block * strip.out_plane + Half * tile_pixels_most * strip.out_pixel;
    tile_load<tile_sums(Half, Block)>(from, strip.out_pixel);
  }
}

/// Sums of `pixels` pixels to where they wait, or rounded to their end.
template <int Half, int Block>
inline void tile_end(const ConvolutionStrip& strip, const ConvolutionTile& tile, std::int64_t pixels) {
  if (strip.rounded[0] == nullptr) {
    float* to = tile.out + Block * strip.out_plane + Half * tile_pixels_most * strip.out_pixel;
    tile_store<tile_sums(Half, Block)>(to, strip.out_pixel);
    return;
  }
  alignas(64) float sums[tile_pixels_most * channel_block];
  tile_store<tile_sums(Half, Block)>(sums, channel_block);
  const Vec slope = splat(strip.slope);
  bfloat16* to = strip.rounded[Block] + tile.rounded + Half * tile_pixels_most * strip.rounded_pixel;
  for (std::int64_t p = 0; p < pixels; ++p, to += strip.rounded_pixel) {
    for (int lane = 0; lane < channel_block; lane += vec_width) {
      const Vec v = load(sums + p * channel_block + lane);
      store(to + lane, strip.leaky ? leaky(v, slope) : v);
    }
  }
}

/// The products of one tap and block of words.
template <int Halves, int Blocks>
inline void tile_step(const ConvolutionStrip& strip, const float* in, const float* weight) {
  constexpr std::int64_t row = Blocks * channel_block;
  tile_load<tile_input(0)>(in, strip.in_pixel);
  if constexpr (Halves == 2) {
    tile_load<tile_input(1)>(in + tile_pixels_most * strip.in_pixel, strip.in_pixel);
  }
  tile_load<tile_weights(0)>(weight, row);
  tile_product<tile_sums(0, 0), tile_input(0), tile_weights(0)>();
  if constexpr (Halves == 2) tile_product<tile_sums(1, 0), tile_input(1), tile_weights(0)>();
  if constexpr (Blocks == 2) {
    tile_load<tile_weights(1)>(weight + channel_block, row);
    tile_product<tile_sums(0, 1), tile_input(0), tile_weights(1)>();
    if constexpr (Halves == 2) tile_product<tile_sums(1, 1), tile_input(1), tile_weights(1)>();
  }
}

/// All products of up to 32 pixels of one row, `pixels` of them in the last half.
template <int Halves, int Blocks>
inline void tile_run(const ConvolutionStrip& strip, const ConvolutionTile& tile, std::int64_t pixels) {
  constexpr std::int64_t step = block_words * Blocks * channel_block;  // weights of a tap and block
  tile_begin<0, 0>(strip, tile.out);
  if constexpr (Blocks == 2) tile_begin<0, 1>(strip, tile.out);
  if constexpr (Halves == 2) tile_begin<1, 0>(strip, tile.out);
  if constexpr (Halves == 2 && Blocks == 2) tile_begin<1, 1>(strip, tile.out);
  const float* in = tile.in;
  const float* weight = strip.weight;
  for (std::int64_t c = 0; c < strip.words; c += block_words) {
    const float* w = weight + tile.first_tap * strip.taps_x * step;
    for (std::int64_t i = tile.first_tap; i < tile.last_tap; ++i) {
      for (std::int64_t j = 0; j < strip.taps_x; ++j, w += step) {
        tile_step<Halves, Blocks>(strip, in + i * strip.in_row + strip.taps[j], w);
      }
    }
    in += strip.in_plane;
    weight += strip.taps_y * strip.taps_x * step;
  }
  const std::int64_t first = Halves == 2 ? tile_pixels_most : pixels;
  tile_end<0, 0>(strip, tile, first);
  if constexpr (Blocks == 2) tile_end<0, 1>(strip, tile, first);
  if constexpr (Halves == 2) tile_end<1, 0>(strip, tile, pixels);
  if constexpr (Halves == 2 && Blocks == 2) tile_end<1, 1>(strip, tile, pixels);
}

/// Columns [begin, end) of all rows, as many at a time as two halves hold, of which the last has
/// `pixels`; end - begin is a multiple of them.
template <int Halves, int Blocks>
void tile_columns(const ConvolutionStrip& strip, std::int64_t begin, std::int64_t end,
                  std::int64_t pixels) {
  const std::int64_t step = (Halves - 1) * tile_pixels_most + pixels;
  tile_shape_for(Halves == 2 ? tile_pixels_most : pixels, Halves == 2 ? pixels : 0);
  for (std::int64_t y = 0; y < strip.rows; ++y) {
    const std::int64_t top = strip.top + y * strip.row_stride;
    ConvolutionTile tile;
    tile.first_tap = clamp_tap(-top, strip);
    tile.last_tap = clamp_tap(strip.height - top, strip);
    for (std::int64_t x = begin; x < end; x += step) {
      tile.in = strip.in + y * strip.row_stride * strip.in_row + x * strip.in_pixel;
      tile.out = strip.out + y * strip.out_row + x * strip.out_pixel;
      tile.rounded = y * strip.rounded_row + x * strip.rounded_pixel;
      tile_run<Halves, Blocks>(strip, tile, pixels);
    }
  }
}

template <int Blocks>
void tile_strip(const ConvolutionStrip& strip) {
  constexpr std::int64_t most = 2 * tile_pixels_most;
  const std::int64_t whole = strip.columns / most * most;
  const std::int64_t rest = strip.columns - whole;
  if (whole > 0) tile_columns<2, Blocks>(strip, 0, whole, tile_pixels_most);
  if (rest > tile_pixels_most) {
    tile_columns<2, Blocks>(strip, whole, strip.columns, rest - tile_pixels_most);
  } else if (rest > 0) {
    tile_columns<1, Blocks>(strip, whole, strip.columns, rest);
  }
  tile_release();
}

// ---- kernels

void tile_pairs_strip(const ConvolutionStrip& strip) {
  if (strip.width == 2) {
    tile_strip<2>(strip);
  } else {
    tile_strip<1>(strip);
  }
}

/// A table whose convolutions of bfloat16 run on tiles.
constexpr KernelTable make_tile_table(const char* name) {
  KernelTable table = make_table(name);
  table.pairs_strip = tile_pairs_strip;
  table.pairs_rate = 16;  // Winograd's sums are not made of tiles: never faster
  table.tiles = true;
  return table;
}

}  // namespace
}  // namespace flownet2
