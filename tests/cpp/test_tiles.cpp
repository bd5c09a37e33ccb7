// SPDX-License-Identifier: Apache-2.0
// The tile form of the bfloat16 convolution, on arrays in place of tile registers (cpu/tiles_plain.hpp),
// against the vector form: packing, indexing and shapes of tiles. Values are small whole numbers, whose
// sums are exact in any order, so that results must be equal to the bit.
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <memory>

#include "cpu/memory.hpp"
#include "cpu/simd_scalar.hpp"
#include "cpu/tiles_plain.hpp"
// The bodies below are written against the vocabularies above.
#include "cpu/kernels/tile_convolution.inl.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/rounded.hpp"

namespace {

using namespace flownet2;

/// The kernels of bfloat16 alone: those of float32 in the scalar vocabulary take one block at a time.
KernelTable tile_kernels() {
  KernelTable table = make_tile_table("tiles_plain");
  table.convolution_blocks = most_strip_blocks;
  return table;
}

int whole_number(unsigned& state) {
  state = state * 1664525u + 1013904223u;
  return static_cast<int>(state >> 28) - 8;
}

struct Tensor {
  AlignedFloats data;
  MutableBlocked view;

  Tensor(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    const std::int64_t words = image_words(Element::bfloat16, c, h, w);
    data = aligned_floats("test", n * words);
    view = {data.get(), Element::bfloat16, n, c, h, w, words};
  }

  bfloat16& at(std::int64_t n, std::int64_t c, std::int64_t i) const {
    return view.group<bfloat16>(n, c / channel_block)[i * pixel_step<bfloat16> + c % channel_block];
  }

  void fill(unsigned seed) const {
    for (std::int64_t n = 0; n < view.n(); ++n) {
      for (std::int64_t c = 0; c < view.c; ++c) {
        for (std::int64_t i = 0; i < view.h * view.w; ++i)
          at(n, c, i) = rounded(static_cast<float>(whole_number(seed)));
      }
    }
  }
};

/// The groups that the convolution must write, lanes beyond the channels included.
bool same_groups(const Tensor& a, const Tensor& b) {
  for (std::int64_t n = 0; n < a.view.n(); ++n) {
    for (std::int64_t c = 0; c < blocks_of(a.view.c) * channel_block; ++c) {
      for (std::int64_t i = 0; i < a.view.h * a.view.w; ++i)
        if (a.at(n, c, i).bits != b.at(n, c, i).bits) return false;
    }
  }
  return true;
}

struct Case {
  std::int64_t ci, co, kernel, stride, pad;
  bool transposed;
  std::int64_t n, h, w;
};

void check_case(const Case& what) {
  ConvolutionSpec spec;
  spec.ci = what.ci;
  spec.co = what.co;
  spec.kh = spec.kw = what.kernel;
  spec.sh = spec.sw = what.stride;
  spec.ph = spec.pw = what.pad;
  spec.transposed = what.transposed;
  spec.leaky_slope = 0.25f;
  spec.element = Element::bfloat16;
  unsigned seed = 1;
  const std::int64_t weights = spec.ci * spec.co * spec.kh * spec.kw;
  const AlignedFloats weight = aligned_floats("test", weights);
  const AlignedFloats bias = aligned_floats("test", spec.co);
  for (std::int64_t i = 0; i < weights; ++i)
    weight[static_cast<std::size_t>(i)] = static_cast<float>(whole_number(seed));
  for (std::int64_t i = 0; i < spec.co; ++i)
    bias[static_cast<std::size_t>(i)] = static_cast<float>(whole_number(seed));
  const Tensor in(what.n, what.ci, what.h, what.w);
  in.fill(7);
  const auto size = [&](std::int64_t length) {
    return what.transposed ? (length - 1) * what.stride - 2 * what.pad + what.kernel
                           : (length + 2 * what.pad - what.kernel) / what.stride + 1;
  };
  const Tensor expected(what.n, what.co, size(what.h), size(what.w));
  const Tensor got(what.n, what.co, size(what.h), size(what.w));
  const KernelTable tiles = tile_kernels();
  make_direct_convolution(scalar_kernels, spec, weight.get(), bias.get())->run(in.view, expected.view);
  make_direct_convolution(tiles, spec, weight.get(), bias.get())->run(in.view, got.view);
  INFO("ci ", what.ci, " co ", what.co, " kernel ", what.kernel, " stride ", what.stride, " size ",
       what.h, "x", what.w);
  CHECK(same_groups(expected, got));
}

TEST_CASE("one product against the definition in double") {
  TileShapes shapes = {};
  shapes.palette = 1;
  for (int tile : {0, 4, 6}) {
    shapes.rows[tile] = tile == 6 ? 16 : 3;
    shapes.row_bytes[tile] = 64;
  }
  tile_configure(shapes);
  alignas(64) bfloat16 a[3][32];
  alignas(64) bfloat16 b[16][32];
  alignas(64) float sums[3][16];
  unsigned seed = 3;
  for (auto& row : a)
    for (bfloat16& value : row) value = rounded(0.37f * static_cast<float>(whole_number(seed)));
  for (auto& row : b)
    for (bfloat16& value : row) value = rounded(0.11f * static_cast<float>(whole_number(seed)));
  for (auto& row : sums) std::fill(row, row + 16, 0.5f);
  tile_load<0>(sums[0], 16);
  tile_load<4>(reinterpret_cast<const float*>(a[0]), 16);
  tile_load<6>(reinterpret_cast<const float*>(b[0]), 16);
  tile_product<0, 4, 6>();
  tile_store<0>(sums[0], 16);
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 16; ++c) {
      double exact = 0.5;
      for (int k = 0; k < 32; ++k) {
        exact += static_cast<double>(widened(a[r][k])) *
                 static_cast<double>(widened(b[k / 2][2 * c + k % 2]));
      }
      CHECK(std::fabs(exact - static_cast<double>(sums[r][c])) < 1e-5);
    }
  }
  tile_release();
}

TEST_CASE("tiles give the bits of the vector form") {
  constexpr Case cases[] = {
      // ci, co, kernel, stride, pad, transposed, n, h, w
      {3, 64, 7, 2, 3, false, 1, 12, 40},   // conv1 of C: compact
      {12, 64, 7, 2, 3, false, 2, 10, 66},  // conv1 of S
      {6, 64, 3, 1, 1, false, 1, 9, 70},    // conv0 of SD
      {11, 64, 3, 1, 1, false, 1, 5, 33},   // conv0 of the fusion
      {16, 16, 3, 1, 1, false, 1, 4, 15},   // the most words that are compact
      {17, 20, 3, 1, 1, false, 1, 4, 16},   // the least that are not
      {64, 128, 5, 2, 2, false, 1, 9, 37},  // conv2
      {64, 70, 3, 2, 1, false, 2, 7, 31},   // last group of one block
      {256, 32, 1, 1, 0, false, 1, 7, 16},  // conv_redir
      {473, 64, 3, 1, 1, false, 1, 4, 32},  // words that do not fill a block
      {1026, 32, 3, 1, 1, false, 1, 2, 2},  // more than one chunk
      {82, 16, 4, 2, 1, true, 1, 6, 17},    // deconv0 of the fusion
      {386, 64, 4, 2, 1, true, 1, 3, 16},   // deconv2
      {32, 5, 1, 1, 0, false, 1, 1, 1},    {3, 5, 2, 3, 0, false, 3, 8, 200},
      {40, 33, 3, 1, 1, false, 1, 3, 145},  // more columns than a task has
  };
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    for (const Case& what : cases) check_case(what);
  }
}

}  // namespace
