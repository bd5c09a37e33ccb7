// SPDX-License-Identifier: Apache-2.0
// Direct convolution. Registers hold a tile of the output, pixels times vectors of channels; an input
// word, copied to all lanes, meets the weights of those channels. Each sum runs over blocks of 16 words
// in order, inside a block over the taps, inside a tap over the words, whatever the tile.
#pragma once

#include <cstdint>

#include "cpu/blocked.hpp"
#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr int vecs_per_block = static_cast<int>(channel_block) / vec_width;

/// Channel blocks of a tile: two vectors meet each input value that is loaded.
constexpr std::int64_t convolution_blocks = vecs_per_block == 1 ? 2 : 1;

/// Pixels of the largest tile: sums, one row of weights and one input value fill the registers.
constexpr int tile_pixels(int vecs) {
  const int fit = (vec_registers - 1 - vecs) / vecs;
  return fit < 14 ? fit : 14;
}

/// What a word of the input and one of the weights add to a sum.
struct FloatWords {
  static Vec add_product(Vec a, Vec b, Vec sum) { return multiply_add(a, b, sum); }
};
struct PairWords {
  static Vec add_product(Vec a, Vec b, Vec sum) { return pairs_multiply_add(a, b, sum); }
};

struct ConvolutionTile {
  const float* in;
  float* out;
  std::int64_t rounded;    // offset in strip.rounded
  std::int64_t ahead;      // as in the strip, or 0
  std::int64_t first_tap;  // rows of taps that lie in the picture
  std::int64_t last_tap;
};

template <int Pixels, int Blocks>
inline void load_sums(const ConvolutionStrip& strip, const float* out,
                      Vec (&sums)[Pixels][Blocks * vecs_per_block]) {
  FLOWNET2_UNROLL
  for (int v = 0; v < Blocks * vecs_per_block; ++v) {
    const int block = v / vecs_per_block;
    const int lane = v % vecs_per_block * vec_width;
    FLOWNET2_UNROLL
    for (int p = 0; p < Pixels; ++p) {
      sums[p][v] =
          load(strip.bias != nullptr ? strip.bias + v * vec_width
                                     : out + block * strip.out_plane + p * strip.out_pixel + lane);
    }
  }
}

template <int Pixels, int Blocks>
inline void store_sums(const ConvolutionStrip& strip, float* out,
                       Vec (&sums)[Pixels][Blocks * vecs_per_block]) {
  const Vec slope = splat(strip.slope);
  FLOWNET2_UNROLL
  for (int v = 0; v < Blocks * vecs_per_block; ++v) {
    float* to = out + v / vecs_per_block * strip.out_plane + v % vecs_per_block * vec_width;
    FLOWNET2_UNROLL
    for (int p = 0; p < Pixels; ++p) {
      store(to + p * strip.out_pixel, strip.leaky ? leaky(sums[p][v], slope) : sums[p][v]);
    }
  }
}

template <int Pixels, int Blocks>
inline void store_rounded(const ConvolutionStrip& strip, std::int64_t offset,
                          Vec (&sums)[Pixels][Blocks * vecs_per_block]) {
  const Vec slope = splat(strip.slope);
  FLOWNET2_UNROLL
  for (int v = 0; v < Blocks * vecs_per_block; ++v) {
    bfloat16* to = strip.rounded[v / vecs_per_block] + offset + v % vecs_per_block * vec_width;
    FLOWNET2_UNROLL
    for (int p = 0; p < Pixels; ++p) {
      store(to + p * strip.rounded_pixel, strip.leaky ? leaky(sums[p][v], slope) : sums[p][v]);
    }
  }
}

template <class Words, int Pixels, int Blocks>
void convolution_tile(const ConvolutionStrip& strip, const ConvolutionTile& tile) {
  constexpr int vecs = Blocks * vecs_per_block;
  constexpr std::int64_t row = vecs * vec_width;  // weights of one input word and tap
  Vec sums[Pixels][vecs];
  load_sums<Pixels, Blocks>(strip, tile.out, sums);
  const float* in = tile.in;
  const float* weight = strip.weight;
  for (std::int64_t c = 0; c < strip.words; c += block_words) {
    const std::int64_t count = strip.words - c < block_words ? strip.words - c : block_words;
    const float* w = weight + tile.first_tap * strip.taps_x * count * row;
    for (std::int64_t i = tile.first_tap; i < tile.last_tap; ++i) {
      for (std::int64_t j = 0; j < strip.taps_x; ++j) {
        const float* x = in + i * strip.in_row + strip.taps[j];
        for (const float* end = x + count; x != end; ++x) {
          Vec weights[vecs];
          FLOWNET2_UNROLL
          for (int v = 0; v < vecs; ++v) weights[v] = load(w + v * vec_width);
          // Weights of deep layers come from memory. One tile of a strip asks for the next strip's.
          FLOWNET2_UNROLL
          for (int b = 0; b < Blocks; ++b) FLOWNET2_PREFETCH(w + tile.ahead + b * channel_block);
          FLOWNET2_UNROLL
          for (int p = 0; p < Pixels; ++p) {
            const Vec value = splat(x[p * block_words]);
            FLOWNET2_UNROLL
            for (int v = 0; v < vecs; ++v)
              sums[p][v] = Words::add_product(value, weights[v], sums[p][v]);
          }
          w += row;
        }
      }
    }
    in += strip.in_plane;
    weight += strip.taps_y * strip.taps_x * block_words * row;
  }
  if (strip.rounded[0] != nullptr) {
    store_rounded<Pixels, Blocks>(strip, tile.rounded, sums);
  } else {
    store_sums<Pixels, Blocks>(strip, tile.out, sums);
  }
}

/// convolution_tile<Words, pixels, Blocks>.
template <class Words, int Pixels, int Blocks>
void convolution_pixels(std::int64_t pixels, const ConvolutionStrip& strip,
                        const ConvolutionTile& tile) {
  if constexpr (Pixels > 0) {
    if (pixels == Pixels) {
      convolution_tile<Words, Pixels, Blocks>(strip, tile);
    } else {
      convolution_pixels<Words, Pixels - 1, Blocks>(pixels, strip, tile);
    }
  }
}

inline std::int64_t clamp_tap(std::int64_t tap, const ConvolutionStrip& strip) {
  return tap < 0 ? 0 : (tap < strip.taps_y ? tap : strip.taps_y);
}

template <class Words, int Blocks>
void convolution_rows(const ConvolutionStrip& strip) {
  constexpr int most = tile_pixels(Blocks * vecs_per_block);
  const std::int64_t tiles = (strip.columns + most - 1) / most;
  for (std::int64_t y = 0; y < strip.rows; ++y) {
    const std::int64_t top = strip.top + y * strip.row_stride;
    ConvolutionTile tile;
    tile.first_tap = clamp_tap(-top, strip);
    tile.last_tap = clamp_tap(strip.height - top, strip);
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t x = strip.columns * t / tiles;
      const std::int64_t end = strip.columns * (t + 1) / tiles;
      tile.in = strip.in + y * strip.row_stride * strip.in_row + x * block_words;
      tile.out = strip.out + y * strip.out_row + x * strip.out_pixel;
      tile.rounded = y * strip.rounded_row + x * strip.rounded_pixel;
      tile.ahead = y == 0 && t == 0 ? strip.ahead : 0;
      convolution_pixels<Words, most, Blocks>(end - x, strip, tile);
    }
  }
}

template <class Words>
void strip_of(const ConvolutionStrip& strip) {
  if (convolution_blocks == 2 && strip.width == 2) {
    convolution_rows<Words, static_cast<int>(convolution_blocks)>(strip);
  } else {
    convolution_rows<Words, 1>(strip);
  }
}

// ---- kernels

void convolution_strip(const ConvolutionStrip& strip) { strip_of<FloatWords>(strip); }

void pairs_strip(const ConvolutionStrip& strip) { strip_of<PairWords>(strip); }

}  // namespace
}  // namespace flownet2
