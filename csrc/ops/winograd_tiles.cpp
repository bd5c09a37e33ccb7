// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_tiles.hpp"

#include <algorithm>
#include <cstring>

#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t most_side = 6;  // of a tile's inputs
constexpr std::int64_t edge_elements = most_side * most_side * channel_block;
constexpr std::size_t pixel_bytes = channel_block * sizeof(float);

/// first, first + step, ... (count of them) all lie in 0 ... size - 1.
bool inside(std::int64_t first, std::int64_t step, std::int64_t count, std::int64_t size) {
  return first >= 0 && first + (count - 1) * step < size;
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

void WinogradTiles::read(std::int64_t tile, std::int64_t phase, std::int64_t block, float* out,
                         std::int64_t position) const {
  const Place at = place(tile);
  const std::int64_t side = transforms_.side();
  const std::int64_t step = geometry_.in_step();
  const std::int64_t y = geometry_.first_input(at.y, phase / 2);
  const std::int64_t x = geometry_.first_input(at.x, phase % 2);
  const float* plane = in_.group<float>(at.n, block);
  const std::int64_t row = in_.w * channel_block;
  if (inside(y, step, side, in_.h) && inside(x, step, side, in_.w)) {
    transforms_.input(plane + y * row + x * channel_block, step * row, step * channel_block, out,
                      position);
    return;
  }
  alignas(64) float edge[edge_elements];
  for (std::int64_t i = 0; i < side; ++i) {
    for (std::int64_t j = 0; j < side; ++j) {
      const std::int64_t iy = y + i * step;
      const std::int64_t ix = x + j * step;
      float* to = edge + (i * side + j) * channel_block;
      if (inside(iy, 0, 1, in_.h) && inside(ix, 0, 1, in_.w)) {
        std::memcpy(to, plane + iy * row + ix * channel_block, pixel_bytes);
      } else {
        std::memset(to, 0, pixel_bytes);
      }
    }
  }
  transforms_.input(edge, side * channel_block, channel_block, out, position);
}

void WinogradTiles::write(std::int64_t tile, std::int64_t block, WinogradOutput end) const {
  const Place at = place(tile);
  const std::int64_t m = transforms_.m;
  const std::int64_t step = geometry_.out_step();
  const std::int64_t blocks = blocks_of(out_.c);
  const std::int64_t phase = block / blocks;
  const std::int64_t y = geometry_.output(at.y, phase / 2);
  const std::int64_t x = geometry_.output(at.x, phase % 2);
  float* plane = out_.group<float>(at.n, block % blocks);
  const std::int64_t row = out_.w * channel_block;
  const std::int64_t lanes = std::min(channel_block, out_.c - block % blocks * channel_block);
  if (lanes == channel_block && inside(y, step, m, out_.h) && inside(x, step, m, out_.w)) {
    end.out = plane + y * row + x * channel_block;
    end.out_row = step * row;
    end.out_pixel = step * channel_block;
    transforms_.output(end);
    return;
  }
  alignas(64) float edge[edge_elements];
  end.out = edge;
  end.out_row = m * channel_block;
  end.out_pixel = channel_block;
  transforms_.output(end);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      const std::int64_t oy = y + i * step;
      const std::int64_t ox = x + j * step;
      if (!inside(oy, 0, 1, out_.h) || !inside(ox, 0, 1, out_.w)) continue;
      const float* from = edge + (i * m + j) * channel_block;
      float* to = plane + oy * row + ox * channel_block;
      std::copy(from, from + lanes, to);
      std::fill(to + lanes, to + channel_block, 0.0f);
    }
  }
}

}  // namespace flownet2
