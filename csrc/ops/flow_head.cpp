// SPDX-License-Identifier: Apache-2.0
#include "ops/flow_head.hpp"

#include <algorithm>
#include <utility>

#include "cpu/settings.hpp"
#include "cpu/threads.hpp"
#include "ops/rounded.hpp"
#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "convolution";
constexpr std::int64_t rows_per_tile = 64;
constexpr std::int64_t columns_per_tile = 512;  // products of a row stay in the second-level cache
constexpr std::int64_t tiles_per_thread = 6;
constexpr std::int64_t most_vecs = 2;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

/// Axes are cut at 1 and size - 1 if the outer ring has weights of its own: begin, end, which third.
struct Part {
  std::int64_t begin, end, third;
};

std::vector<Part> parts_of(std::int64_t size, bool ring) {
  if (!ring) return {{0, size, 0}};
  std::vector<Part> parts = {{0, 1, 0}, {1, size - 1, 1}, {size - 1, size, 2}};
  if (size == 2) parts.erase(parts.begin() + 1);
  return parts;
}

void round_values(float* values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) values[i] = widened(rounded(values[i]));
}

}  // namespace

/// Outputs [y0, y1) x [x0, x1) of image n, which one set of weights gives.
struct FlowHead::Tile {
  std::int64_t n;
  std::int64_t y0, y1, x0, x1;
  std::size_t set;
};

/// The input pixels of a row that a tile reads, and the working memory for them.
struct FlowHead::Span {
  std::int64_t first;       // column; may lie outside the picture
  std::int64_t count;       // columns
  std::int64_t begin, end;  // those inside
  std::int64_t vecs;        // a product takes so many vectors of pixels
  std::int64_t pixels;      // that is, pixels
  std::int64_t x;           // floats of the pixels, in front of the sums of products
  std::int64_t step;        // of the sums of products: (kh, co * kw, step)
};

FlowHead::FlowHead(const KernelTable& kernels, const ConvolutionSpec& spec,
                   std::vector<HeadWeights> sets)
    : kernels_(kernels), spec_(spec), sets_(std::move(sets)) {}

std::vector<FlowHead::Tile> FlowHead::tiles_of(const Shape& out, int threads) const {
  const bool ring = sets_.size() > 1;
  const std::int64_t wanted = threads > 1 ? divide_up(tiles_per_thread * threads, out.n) : 1;
  const std::int64_t columns = divide_up(out.w, divide_up(out.w, columns_per_tile));
  const std::int64_t bands = std::max(divide_up(out.h, rows_per_tile),
                                      std::min(out.h, divide_up(wanted, divide_up(out.w, columns))));
  const std::int64_t rows = divide_up(out.h, bands);
  std::vector<Tile> tiles;
  for (std::int64_t n = 0; n < out.n; ++n) {
    for (const Part& y : parts_of(out.h, ring)) {
      for (const Part& x : parts_of(out.w, ring)) {
        const auto set = static_cast<std::size_t>(3 * y.third + x.third);
        for (std::int64_t y0 = y.begin; y0 < y.end; y0 += rows) {
          for (std::int64_t x0 = x.begin; x0 < x.end; x0 += columns) {
            tiles.push_back({n, y0, std::min(y0 + rows, y.end), x0, std::min(x0 + columns, x.end), set});
          }
        }
      }
    }
  }
  return tiles;
}

FlowHead::Span FlowHead::span_of(const Tile& tile, std::int64_t in_w) const {
  Span span{};
  if (spec_.transposed) {
    span.first = floor_div(tile.x0 + spec_.pw - spec_.kw + spec_.sw, spec_.sw);
    span.count = floor_div(tile.x1 - 1 + spec_.pw, spec_.sw) + 1 - span.first;
  } else {
    span.first = tile.x0 * spec_.sw - spec_.pw;
    span.count = (tile.x1 - 1 - tile.x0) * spec_.sw + spec_.kw;
  }
  span.count = std::max<std::int64_t>(span.count, 0);
  // Where padding is wide, all of the span may lie on one side of the picture: then none of it is
  // inside.
  span.begin = std::clamp<std::int64_t>(0, span.first, span.first + span.count);
  span.end = std::clamp<std::int64_t>(in_w, span.begin, span.first + span.count);
  span.vecs = span.end - span.begin > kernels_.vec_width ? most_vecs : 1;
  span.pixels = span.vecs * kernels_.vec_width;
  span.x = blocks_of(spec_.ci) * channel_block * span.pixels;
  // Products of whole vectors reach beyond the last column.
  span.step = divide_up(span.count + span.pixels, channel_block) * channel_block;
  return span;
}

std::int64_t FlowHead::output_row(std::int64_t tap, std::int64_t row) const {
  return spec_.transposed ? row * spec_.sh + tap - spec_.ph : (row + spec_.ph - tap) / spec_.sh;
}

/// Whether an output row of the tile takes that kernel row from that input row.
bool FlowHead::takes(const Tile& tile, std::int64_t tap, std::int64_t row) const {
  if (!spec_.transposed && (row + spec_.ph - tap) % spec_.sh != 0) return false;
  const std::int64_t y = output_row(tap, row);
  return y >= tile.y0 && y < tile.y1;
}

/// Features are read as bfloat16 whichever layout they have; flow, of few channels, stays as it is.
bool FlowHead::rounds(const EitherInput& in) const {
  return spec_.element == Element::bfloat16 && in.is_planar() && spec_.ci > most_head_outputs;
}

/// Products of one input row with all kernel rows that the tile takes from it.
void FlowHead::multiply_row(const Tile& tile, const Span& span, const EitherInput& in, std::int64_t row,
                            float* scratch) const {
  const std::int64_t columns = spec_.co * spec_.kw;
  float* products = scratch + span.x;
  for (std::int64_t x = span.begin; x < span.end; x += span.pixels) {
    const std::int64_t end = std::min(x + span.pixels, span.end);
    take_pixels(kernels_, in, tile.n, row, x, end, scratch, span.pixels);
    if (rounds(in)) round_values(scratch, spec_.ci * span.pixels);
    for (std::int64_t tap = 0; tap < spec_.kh; ++tap) {
      if (!takes(tile, tap, row)) continue;
      const float* weight = sets_[tile.set].columns.get() + tap * spec_.ci * columns;
      float* to = products + tap * columns * span.step + x - span.first;
      kernels_.head_product({scratch, weight, spec_.ci, columns, span.vecs, to, span.step});
    }
  }
}

/// The products of one kernel row -> the output row.
void FlowHead::add_row(const Tile& tile, const Span& span, std::int64_t tap, std::int64_t row,
                       float* scratch, const MutableView& out) const {
  const std::int64_t y = output_row(tap, row);
  for (std::int64_t o = 0; o < spec_.co; ++o) {
    float* products = scratch + span.x + (tap * spec_.co + o) * spec_.kw * span.step;
    float* to = out.plane(tile.n, o) + y * out.shape.w;
    for (std::int64_t j = 0; j < spec_.kw; ++j) {  // padding
      float* line = products + j * span.step;
      std::fill(line, line + (span.begin - span.first), 0.0f);
      std::fill(line + (span.end - span.first), line + span.count, 0.0f);
    }
    if (!spec_.transposed && spec_.sw == 1) {
      kernels_.head_add({products, span.step, spec_.kw, to + tile.x0, tile.x1 - tile.x0});
      continue;
    }
    for (std::int64_t j = 0; j < spec_.kw; ++j) {
      const float* line = products + j * span.step;
      if (!spec_.transposed) {
        for (std::int64_t x = tile.x0; x < tile.x1; ++x) to[x] += line[(x - tile.x0) * spec_.sw + j];
        continue;
      }
      for (std::int64_t i = 0; i < span.count; ++i) {
        const std::int64_t x = (span.first + i) * spec_.sw + j - spec_.pw;
        if (x >= tile.x0 && x < tile.x1) to[x] += line[i];
      }
    }
  }
}

void FlowHead::run_tile(const Tile& tile, const EitherInput& in, const MutableView& out) const {
  const Shape shape = in.shape();
  const Span span = span_of(tile, shape.w);
  float* scratch = thread_scratch(op, span.x + spec_.kh * spec_.co * spec_.kw * span.step);
  const auto each_row = [&](const auto& work) {
    for (std::int64_t o = 0; o < spec_.co; ++o) {
      for (std::int64_t y = tile.y0; y < tile.y1; ++y) {
        float* row = out.plane(tile.n, o) + y * out.shape.w;
        work(o, row + tile.x0, row + tile.x1);
      }
    }
  };
  each_row([&](std::int64_t o, float* begin, float* end) {
    std::fill(begin, end, sets_[tile.set].bias[static_cast<std::size_t>(o)]);
  });
  const std::int64_t first = spec_.transposed
                                 ? floor_div(tile.y0 + spec_.ph - spec_.kh + spec_.sh, spec_.sh)
                                 : tile.y0 * spec_.sh - spec_.ph;
  const std::int64_t last = spec_.transposed ? floor_div(tile.y1 - 1 + spec_.ph, spec_.sh)
                                             : (tile.y1 - 1) * spec_.sh + spec_.kh - 1 - spec_.ph;
  for (std::int64_t row = std::max<std::int64_t>(first, 0); row <= std::min(last, shape.h - 1); ++row) {
    multiply_row(tile, span, in, row, scratch);
    for (std::int64_t tap = 0; tap < spec_.kh; ++tap) {
      if (takes(tile, tap, row)) add_row(tile, span, tap, row, scratch, out);
    }
  }
  if (!spec_.leaky_slope) return;
  each_row([slope = *spec_.leaky_slope](std::int64_t, float* begin, float* end) {
    for (float* value = begin; value != end; ++value) *value = *value > 0.0f ? *value : *value * slope;
  });
}

void FlowHead::run(const EitherInput& in, MutableView out) const {
  const std::vector<Tile> tiles = tiles_of(out.shape, call_threads());
  parallel_for(static_cast<std::int64_t>(tiles.size()),
               [&](std::int64_t index) { run_tile(tiles[static_cast<std::size_t>(index)], in, out); });
}

HeadWeights pack_head(const ConvolutionSpec& spec, const float* weight, const float* bias) {
  HeadWeights packed;
  packed.columns = aligned_floats(op, spec.kh * spec.ci * spec.co * spec.kw);
  float* to = packed.columns.get();
  for (std::int64_t i = 0; i < spec.kh; ++i) {
    for (std::int64_t c = 0; c < spec.ci; ++c) {
      for (std::int64_t o = 0; o < spec.co; ++o) {
        const std::int64_t pair = spec.transposed ? c * spec.co + o : o * spec.ci + c;
        to = std::copy_n(weight + (pair * spec.kh + i) * spec.kw, spec.kw, to);
      }
    }
  }
  if (bias != nullptr) std::copy_n(bias, spec.co, packed.bias.begin());
  return packed;
}

}  // namespace flownet2
