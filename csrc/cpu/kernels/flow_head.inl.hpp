// SPDX-License-Identifier: Apache-2.0
// Convolution into few channels (flow). Lanes are neighbouring pixels of the input: each is multiplied
// with the weights of all taps of a kernel row, the columns, before the taps are shifted to the outputs
// that they belong to and added. A sum runs over all channels in order, whatever the tile.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

// ---- helpers

constexpr int most_head_vecs = 2;

/// Columns that fit: sums, the pixels and one weight fill the registers.
constexpr int head_columns(int vecs) { return (vec_registers - 1 - vecs) / vecs; }

template <int Columns, int Vecs>
void head_tile(const HeadProduct& product, const float* weight, float* out) {
  Vec sums[Columns][Vecs] = {};
  const float* x = product.x;
  for (std::int64_t c = 0; c < product.channels; ++c) {
    Vec pixels[Vecs];
    FLOWNET2_UNROLL
    for (int v = 0; v < Vecs; ++v) pixels[v] = load(x + v * vec_width);
    FLOWNET2_UNROLL
    for (int k = 0; k < Columns; ++k) {
      const Vec value = splat(weight[k]);
      FLOWNET2_UNROLL
      for (int v = 0; v < Vecs; ++v) sums[k][v] = multiply_add(pixels[v], value, sums[k][v]);
    }
    x += Vecs * vec_width;
    weight += product.columns;
  }
  FLOWNET2_UNROLL
  for (int k = 0; k < Columns; ++k) {
    FLOWNET2_UNROLL
    for (int v = 0; v < Vecs; ++v) store(out + k * product.out_step + v * vec_width, sums[k][v]);
  }
}

/// head_tile<columns, Vecs>.
template <int Columns, int Vecs>
void head_group(std::int64_t columns, const HeadProduct& product, const float* weight, float* out) {
  if constexpr (Columns > 0) {
    if (columns == Columns) {
      head_tile<Columns, Vecs>(product, weight, out);
    } else {
      head_group<Columns - 1, Vecs>(columns, product, weight, out);
    }
  }
}

template <int Vecs>
void head_columns_of(const HeadProduct& product) {
  constexpr int most = head_columns(Vecs) < 12 ? head_columns(Vecs) : 12;
  const std::int64_t groups = (product.columns + most - 1) / most;
  for (std::int64_t group = 0; group < groups; ++group) {
    const std::int64_t first = product.columns * group / groups;
    const std::int64_t count = product.columns * (group + 1) / groups - first;
    head_group<most, Vecs>(count, product, product.weight + first,
                           product.out + first * product.out_step);
  }
}

// ---- kernels

void head_product(const HeadProduct& product) {
  if (product.vecs == most_head_vecs) {
    head_columns_of<most_head_vecs>(product);
  } else {
    head_columns_of<1>(product);
  }
}

void head_add(const HeadTaps& taps) {
  std::int64_t x = 0;
  for (; x + vec_width <= taps.count; x += vec_width) {
    Vec sum = load(taps.out + x);
    for (std::int64_t j = 0; j < taps.taps; ++j)
      sum = add(sum, load(taps.in + j * taps.in_step + x + j));
    store(taps.out + x, sum);
  }
  for (; x < taps.count; ++x) {
    for (std::int64_t j = 0; j < taps.taps; ++j) taps.out[x] += taps.in[j * taps.in_step + x + j];
  }
}

}  // namespace
}  // namespace flownet2
