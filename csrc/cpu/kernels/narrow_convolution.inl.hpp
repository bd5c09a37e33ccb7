// SPDX-License-Identifier: Apache-2.0
// Direct convolution into few channels (flow): lanes are input channels, and every output has 16 partial
// sums that are added up at the end, always in the same order.
#pragma once

#include <cstdint>

#include "cpu/kernels/convolution.inl.hpp"

namespace flownet2 {
namespace {

// ---- helpers

struct NarrowTile {
  ConvolutionTile place;
  float* sums;
};

/// Sums of one pixel -> its output, lanes beyond the outputs 0.
template <int Outputs>
inline void finish_pixel(const ConvolutionStrip& strip, const float* sums, float* out) {
  float values[Outputs];
  FLOWNET2_UNROLL
  for (int o = 0; o < Outputs; ++o) {
    const float value = strip.bias[o] + sum_of_16(sums + o * channel_block);
    values[o] = strip.leaky && !(value > 0.0f) ? value * strip.slope : value;
  }
  for (int v = 0; v < vecs_per_block; ++v) store(out + v * vec_width, zero());
  for (int o = 0; o < Outputs; ++o) out[o] = values[o];
}

template <int Pixels, int Outputs>
void narrow_tile(const NarrowStrip& narrow, const NarrowTile& tile) {
  constexpr int vecs = Outputs * vecs_per_block;
  const ConvolutionStrip& strip = narrow.strip;
  Vec sums[Pixels][vecs];
  FLOWNET2_UNROLL
  for (int p = 0; p < Pixels; ++p) {
    FLOWNET2_UNROLL
    for (int v = 0; v < vecs; ++v) {
      sums[p][v] = narrow.first ? zero() : load(tile.sums + (p * vecs + v) * vec_width);
    }
  }
  const float* in = tile.place.in;
  const float* weight = strip.weight;
  for (std::int64_t c = 0; c < strip.words; c += channel_block) {
    const float* w = weight + tile.place.first_tap * strip.taps_x * Outputs * channel_block;
    for (std::int64_t i = tile.place.first_tap; i < tile.place.last_tap; ++i) {
      for (std::int64_t j = 0; j < strip.taps_x; ++j) {
        const float* x = in + i * strip.in_row + strip.taps[j];
        FLOWNET2_UNROLL
        for (int p = 0; p < Pixels; ++p) {
          FLOWNET2_UNROLL
          for (int v = 0; v < vecs; ++v) {
            const Vec values = load(x + p * channel_block + v % vecs_per_block * vec_width);
            sums[p][v] = multiply_add(values, load(w + v * vec_width), sums[p][v]);
          }
        }
        w += Outputs * channel_block;
      }
    }
    in += strip.in_plane;
    weight += strip.taps_y * strip.taps_x * Outputs * channel_block;
  }
  FLOWNET2_UNROLL
  for (int p = 0; p < Pixels; ++p) {
    FLOWNET2_UNROLL
    for (int v = 0; v < vecs; ++v) store(tile.sums + (p * vecs + v) * vec_width, sums[p][v]);
  }
}

/// narrow_tile<pixels, Outputs>.
template <int Pixels, int Outputs>
void narrow_pixels(std::int64_t pixels, const NarrowStrip& narrow, const NarrowTile& tile) {
  if constexpr (Pixels > 0) {
    if (pixels == Pixels) {
      narrow_tile<Pixels, Outputs>(narrow, tile);
    } else {
      narrow_pixels<Pixels - 1, Outputs>(pixels, narrow, tile);
    }
  }
}

template <int Outputs>
void narrow_rows(const NarrowStrip& narrow) {
  constexpr int fit = tile_pixels(Outputs * vecs_per_block);
  constexpr int most = fit > 0 ? fit : 1;
  const ConvolutionStrip& strip = narrow.strip;
  const std::int64_t tiles = (strip.columns + most - 1) / most;
  for (std::int64_t y = 0; y < strip.rows; ++y) {
    const std::int64_t top = strip.top + y * strip.row_stride;
    NarrowTile tile;
    tile.place.first_tap = clamp_tap(-top, strip);
    tile.place.last_tap = clamp_tap(strip.height - top, strip);
    float* sums = narrow.sums + y * strip.columns * Outputs * channel_block;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t x = strip.columns * t / tiles;
      const std::int64_t end = strip.columns * (t + 1) / tiles;
      tile.place.in = strip.in + y * strip.row_stride * strip.in_row + x * channel_block;
      tile.sums = sums + x * Outputs * channel_block;
      narrow_pixels<most, Outputs>(end - x, narrow, tile);
    }
    if (!narrow.last) continue;
    for (std::int64_t x = 0; x < strip.columns; ++x) {
      finish_pixel<Outputs>(strip, sums + x * Outputs * channel_block,
                            strip.out + y * strip.out_row + x * strip.out_pixel);
    }
  }
}

template <int Outputs>
void narrow_outputs_of(const NarrowStrip& narrow) {
  if constexpr (Outputs > 0) {
    if (narrow.outputs == Outputs) {
      narrow_rows<Outputs>(narrow);
    } else {
      narrow_outputs_of<Outputs - 1>(narrow);
    }
  }
}

// ---- kernels

void narrow_strip(const NarrowStrip& narrow) {
  narrow_outputs_of<static_cast<int>(narrow_outputs)>(narrow);
}

}  // namespace
}  // namespace flownet2
