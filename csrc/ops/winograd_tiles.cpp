// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_tiles.hpp"

#include <algorithm>

#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t most_side = 6;  // of a tile's inputs
constexpr std::int64_t edge_elements = most_side * most_side * channel_block;

/// first, first + step, ... (count of them) all lie in 0 ... size - 1.
bool inside(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t size) {
  return first >= 0 && first + (count - 1) * step < size;
}

void transform_input(const WinogradTransforms& by, const float* in, std::int64_t row,
                     std::int64_t column, float* out, std::int64_t position) {
  by.input(in, row, column, out, position);
}

void transform_input(const WinogradTransforms& by, const bfloat16* in, std::int64_t row,
                     std::int64_t column, float* out, std::int64_t position) {
  by.input_bfloat16(in, row, column, out, position);
}

template <typename T>
void transform_output(const WinogradTransforms& by, const WinogradOutput<T>& tile) {
  if constexpr (element_of<T> == Element::bfloat16) {
    by.output_bfloat16(tile);
  } else {
    by.output(tile);
  }
}

}  // namespace

std::int64_t winograd_position(std::int64_t count) {
  constexpr std::int64_t page_lines = 64;
  const std::int64_t lines = divide_up(count, channel_block);
  const std::int64_t offset = 5;  // odd, and far from a divisor of the sets
  return (lines + (offset + page_lines - lines % page_lines) % page_lines) * channel_block;
}

WinogradTiles::WinogradTiles(const WinogradGeometry& geometry, const WinogradTransforms& transforms,
                             const ConstBlocked& in, const MutableBlocked& out)
    : geometry_(geometry),
      transforms_(transforms),
      in_(in),
      out_(out),
      rows_(divide_up(geometry.grid(out.h), transforms.m)),
      columns_(divide_up(geometry.grid(out.w), transforms.m)) {}

WinogradTiles::Place WinogradTiles::place(std::int64_t tile) const {
  const std::int64_t row = tile / columns_;
  return {row / rows_, row % rows_ * transforms_.m, tile % columns_ * transforms_.m};
}

template <typename T>
void WinogradTiles::read_as(std::int64_t tile, std::int64_t phase, std::int64_t block, float* out,
                            std::int64_t position) const {
  constexpr std::int64_t pixel = pixel_step<T>;
  const Place at = place(tile);
  const std::int64_t side = transforms_.side();
  const std::int64_t step = geometry_.in_step();
  const std::int64_t y = geometry_.first_input(at.y, phase / 2);
  const std::int64_t x = geometry_.first_input(at.x, phase % 2);
  const T* plane = in_.group<T>(at.n, block);
  const std::int64_t row = in_.w * pixel;
  if (inside(y, step, side, in_.h) && inside(x, step, side, in_.w)) {
    transform_input(transforms_, plane + y * row + x * pixel, step * row, step * pixel, out, position);
    return;
  }
  alignas(64) T edge[edge_elements];
  for (std::int64_t i = 0; i < side; ++i) {
    for (std::int64_t j = 0; j < side; ++j) {
      const std::int64_t iy = y + i * step;
      const std::int64_t ix = x + j * step;
      T* to = edge + (i * side + j) * channel_block;
      if (inside(iy, 0, 1, in_.h) && inside(ix, 0, 1, in_.w)) {
        std::copy_n(plane + iy * row + ix * pixel, channel_block, to);
      } else {
        std::fill_n(to, channel_block, T{});
      }
    }
  }
  transform_input(transforms_, edge, side * channel_block, channel_block, out, position);
}

template <typename T>
void WinogradTiles::write_as(std::int64_t tile, std::int64_t block,
                             const WinogradOutput<float>& end) const {
  constexpr std::int64_t pixel = pixel_step<T>;
  const Place at = place(tile);
  const std::int64_t m = transforms_.m;
  const std::int64_t step = geometry_.out_step();
  const std::int64_t blocks = blocks_of(out_.c);
  const std::int64_t phase = block / blocks;
  const std::int64_t y = geometry_.output(at.y, phase / 2);
  const std::int64_t x = geometry_.output(at.x, phase % 2);
  T* plane = out_.group<T>(at.n, block % blocks);
  const std::int64_t row = out_.w * pixel;
  const std::int64_t lanes = std::min(channel_block, out_.c - block % blocks * channel_block);
  if (lanes == channel_block && inside(y, step, m, out_.h) && inside(x, step, m, out_.w)) {
    transform_output<T>(transforms_, {end.sums, end.position, end.bias, plane + y * row + x * pixel,
                                      step * row, step * pixel, end.slope});
    return;
  }
  alignas(64) T edge[edge_elements];
  transform_output<T>(transforms_, {end.sums, end.position, end.bias, edge, m * channel_block,
                                    channel_block, end.slope});
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      const std::int64_t oy = y + i * step;
      const std::int64_t ox = x + j * step;
      if (!inside(oy, 0, 1, out_.h) || !inside(ox, 0, 1, out_.w)) continue;
      T* to = plane + oy * row + ox * pixel;
      std::copy_n(edge + (i * m + j) * channel_block, lanes, to);
      std::fill(to + lanes, to + channel_block, T{});
    }
  }
}

void WinogradTiles::read(std::int64_t tile, std::int64_t phase, std::int64_t block, float* out,
                         std::int64_t position) const {
  if (in_.element == Element::bfloat16) {
    read_as<bfloat16>(tile, phase, block, out, position);
  } else {
    read_as<float>(tile, phase, block, out, position);
  }
}

void WinogradTiles::write(std::int64_t tile, std::int64_t block,
                          const WinogradOutput<float>& end) const {
  if (out_.element == Element::bfloat16) {
    write_as<bfloat16>(tile, block, end);
  } else {
    write_as<float>(tile, block, end);
  }
}

}  // namespace flownet2
