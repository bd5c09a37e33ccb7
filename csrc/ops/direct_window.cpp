// SPDX-License-Identifier: Apache-2.0
#include "ops/direct_window.hpp"

#include <algorithm>
#include <cstring>

#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t half_block = block_words / 2;

void copy_words(const float* from, std::int64_t count, float* to) {
  std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
}

/// Where the words of a block lie, for one row of the picture: in one piece, or in two halves of which
/// the second may not exist (bfloat16).
struct RowSource {
  const float* first;
  const float* second;

  bool whole() const { return second == first + half_block; }

  /// Words of `count` pixels, `step` apart, from pixel x on.
  void copy(std::int64_t x, std::int64_t step, std::int64_t count, float* to) const {
    if (whole() && step == 1) return copy_words(first + x * block_words, count * block_words, to);
    for (std::int64_t i = 0; i < count; ++i, to += block_words) {
      const std::int64_t at = (x + i * step) * block_words;
      if (whole()) {
        copy_words(first + at, block_words, to);
        continue;
      }
      copy_words(first + at, half_block, to);
      if (second != nullptr) {
        copy_words(second + at, half_block, to + half_block);
      } else {
        std::fill_n(to + half_block, half_block, 0.0f);
      }
    }
  }
};

RowSource row_source(const ConstBlocked& in, std::int64_t n, std::int64_t block, std::int64_t y) {
  const std::int64_t skipped = y * in.w * block_words;
  if (in.element == Element::float32) {
    const float* row = in.group<float>(n, block) + skipped;
    return {row, row + half_block};
  }
  const auto half = [&](std::int64_t group) {
    return reinterpret_cast<const float*>(in.group<bfloat16>(n, group)) + skipped;
  };
  return {half(2 * block), 2 * block + 1 < blocks_of(in.c) ? half(2 * block + 1) : nullptr};
}

}  // namespace

DirectWindow::DirectWindow(const DirectLayout& layout, const PhaseSteps& steps, const DirectTask& task)
    : compact_(layout.compact),
      first_y_(task.y0 * steps.in_y + layout.reach.top),
      rows_((task.y1 - 1 - task.y0) * steps.in_y + layout.reach.bottom - layout.reach.top),
      first_x_(task.x0 * steps.in_x + layout.reach.left),
      columns_((task.x1 - 1 - task.x0) * steps.in_x + layout.reach.right - layout.reach.left),
      step_x_(steps.in_x),
      pixel_(compact_ ? layout.pixel_words : block_words),
      line_(divide_up(columns_, step_x_)),
      // An odd number of lines: rows use different cache sets. The last taps of a compact row are filled
      // up to whole blocks, which reads beyond its end: there are zeros.
      row_(((compact_ ? divide_up(columns_ * pixel_, block_words) + 1 : line_ * step_x_) | 1) *
           block_words) {}

void DirectWindow::copy(const ConstBlocked& in, std::int64_t n, std::int64_t block, float* to) const {
  for (std::int64_t r = 0; r < rows_; ++r, to += row_) {
    const std::int64_t y = first_y_ + r;
    if (y < 0 || y >= in.h) continue;
    if (compact_) {
      copy_compact(in, n, y, to);
    } else {
      copy_columns(in, n, block, y, to);
    }
  }
}

void DirectWindow::copy_columns(const ConstBlocked& in, std::int64_t n, std::int64_t block,
                                std::int64_t y, float* to) const {
  const RowSource from = row_source(in, n, block, y);
  const std::int64_t step = step_x_;
  for (std::int64_t remainder = 0; remainder < step; ++remainder, to += line_ * block_words) {
    const std::int64_t count = (columns_ - remainder + step - 1) / step;
    // Columns first_x_ + remainder + i * step that lie in 0 ... in.w - 1.
    const std::int64_t x = first_x_ + remainder;
    const std::int64_t begin = std::clamp<std::int64_t>(x < 0 ? (-x + step - 1) / step : 0, 0, count);
    const std::int64_t end =
        std::clamp<std::int64_t>(x < in.w ? (in.w - x + step - 1) / step : 0, begin, count);
    std::fill(to, to + begin * block_words, 0.0f);
    from.copy(x + begin * step, step, end - begin, to + begin * block_words);
    std::fill(to + end * block_words, to + count * block_words, 0.0f);
  }
}

void DirectWindow::copy_compact(const ConstBlocked& in, std::int64_t n, std::int64_t y,
                                float* to) const {
  const float* from = row_source(in, n, 0, y).first;
  const std::int64_t begin = std::clamp<std::int64_t>(-first_x_, 0, columns_);
  const std::int64_t end = std::clamp<std::int64_t>(in.w - first_x_, begin, columns_);
  std::fill(to, to + begin * pixel_, 0.0f);
  for (std::int64_t x = begin; x < end; ++x) {
    copy_words(from + (first_x_ + x) * block_words, pixel_, to + x * pixel_);
  }
  std::fill(to + end * pixel_, to + row_, 0.0f);
}

}  // namespace flownet2
