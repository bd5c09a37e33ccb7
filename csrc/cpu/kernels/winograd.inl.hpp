// SPDX-License-Identifier: Apache-2.0
// Winograd convolution: the products at each position of a tile, a matrix product of tiles times
// channels, and the table of its kernels.
#pragma once

#include <cstdint>

#include "cpu/kernels/convolution.inl.hpp"
#include "cpu/kernels/winograd_transforms.inl.hpp"

namespace flownet2 {
namespace {

// ---- helpers

/// Tiles of a panel: sums, one row of factors and one input value fill the registers.
constexpr int winograd_rows(int blocks) {
  const int vecs = blocks * vecs_per_block;
  const int fit = (vec_registers - 1 - vecs) / vecs;
  return fit < 16 ? fit : 16;
}

/// Below this, the factors are loaded too often: the product is not offered.
constexpr int winograd_least_rows = 4;

template <int Rows, int Blocks>
void winograd_panel(const WinogradPanels& panels, const float* v, float* sums) {
  constexpr int vecs = Blocks * vecs_per_block;
  constexpr std::int64_t line = winograd_rows(Blocks) * channel_block;
  Vec total[Rows][vecs];
  FLOWNET2_UNROLL
  for (int i = 0; i < vecs; ++i) {
    const float* from = sums + i / vecs_per_block * line + i % vecs_per_block * vec_width;
    FLOWNET2_UNROLL
    for (int r = 0; r < Rows; ++r) total[r][i] = panels.add ? load(from + r * channel_block) : zero();
  }
  const float* u = panels.u;
  for (std::int64_t c = 0; c < panels.channels; c += channel_block, v += line) {
    const std::int64_t count = panels.channels - c < channel_block ? panels.channels - c : channel_block;
    const float* x = v;
    for (const float* end = x + count; x != end; ++x, u += vecs * vec_width) {
      Vec factors[vecs];
      FLOWNET2_UNROLL
      for (int i = 0; i < vecs; ++i) factors[i] = load(u + i * vec_width);
      FLOWNET2_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Vec value = splat(x[r * channel_block]);
        FLOWNET2_UNROLL
        for (int i = 0; i < vecs; ++i) total[r][i] = multiply_add(value, factors[i], total[r][i]);
      }
    }
  }
  FLOWNET2_UNROLL
  for (int i = 0; i < vecs; ++i) {
    float* to = sums + i / vecs_per_block * line + i % vecs_per_block * vec_width;
    FLOWNET2_UNROLL
    for (int r = 0; r < Rows; ++r) store(to + r * channel_block, total[r][i]);
  }
}

/// winograd_panel<rows, Blocks>.
template <int Rows, int Blocks>
void winograd_some_rows(std::int64_t rows, const WinogradPanels& panels, const float* v, float* sums) {
  if constexpr (Rows > 0) {
    if (rows == Rows) {
      winograd_panel<Rows, Blocks>(panels, v, sums);
    } else {
      winograd_some_rows<Rows - 1, Blocks>(rows, panels, v, sums);
    }
  }
}

// ---- kernels

template <int Blocks>
void winograd_product(const WinogradPanels& panels) {
  constexpr int most = winograd_rows(Blocks);
  const float* v = panels.v;
  float* sums = panels.sums;
  for (std::int64_t tiles = panels.tiles; tiles > 0; tiles -= most) {
    winograd_some_rows<most, Blocks>(tiles < most ? tiles : most, panels, v, sums);
    v += panels.v_panel;
    sums += Blocks * most * channel_block;
  }
}

template <int Blocks>
constexpr WinogradProduct make_winograd_product() {
  if constexpr (winograd_rows(Blocks) >= winograd_least_rows) {
    return {Blocks, winograd_rows(Blocks), winograd_product<Blocks>};
  } else {
    return {Blocks, 0, nullptr};
  }
}

void split_pairs(const float* pairs, float* lower, float* upper) {
  for (int lane = 0; lane < channel_block; lane += vec_width) {
    const Vec words = load(pairs + lane);
    store(lower + lane, lower_of_pairs(words));
    store(upper + lane, upper_of_pairs(words));
  }
}

template <std::int64_t M, std::int64_t R, class Weights, class Input, class Output>
constexpr WinogradTransforms make_winograd_transforms() {
  return {M,
          R,
          winograd_forward<Weights, float>,
          winograd_forward<Input, float>,
          winograd_output<Output, float>,
          winograd_forward<Input, bfloat16>,
          winograd_output<Output, bfloat16>};
}

constexpr WinogradKernels winograd_kernels = {
    split_pairs,
    {make_winograd_product<2>(), make_winograd_product<1>()},
    {
        make_winograd_transforms<4, 3, WinogradWeights43, WinogradInput6, WinogradOutput4of6>(),
        make_winograd_transforms<2, 3, WinogradWeights23, WinogradInput4, WinogradOutput2>(),
        make_winograd_transforms<4, 2, WinogradWeights42, WinogradInput5, WinogradOutput4of5>(),
        make_winograd_transforms<3, 2, WinogradWeights32, WinogradInput4, WinogradOutput3of4>(),
        make_winograd_transforms<3, 4, WinogradWeights34, WinogradInput6, WinogradOutput3of6>(),
    },
};

}  // namespace
}  // namespace flownet2
