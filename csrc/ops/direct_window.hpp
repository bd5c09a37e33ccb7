// SPDX-License-Identifier: Apache-2.0
// The part of the picture that a task of the direct convolution reads, copied with its padding.
#pragma once

#include <cstdint>

#include "cpu/blocked.hpp"
#include "ops/convolution_phases.hpp"
#include "ops/direct_packing.hpp"
#include "ops/direct_plan.hpp"

namespace flownet2 {

/// Rows of pixels. In the usual form a pixel has a block of 16 words, and columns of equal remainder
/// modulo the stride lie side by side, so that neighbouring outputs read neighbouring pixels. In the
/// compact form a pixel has just its channels' words, so that the taps of a row are one piece of memory.
class DirectWindow {
 public:
  DirectWindow(const DirectLayout& layout, const PhaseSteps& steps, const DirectTask& task);

  std::int64_t plane() const { return rows_ * row_; }  // words of a block
  std::int64_t row() const { return row_; }
  /// Words between the pixels that neighbouring outputs read.
  std::int64_t output_pixel() const { return compact_ ? pixel_ * step_x_ : pixel_; }
  /// Words between blocks of words that the kernel takes one after the other.
  std::int64_t next_block() const { return compact_ ? block_words : plane(); }
  /// Blocks that are copied for so many that the kernel takes.
  std::int64_t copied_blocks(std::int64_t blocks) const { return compact_ ? 1 : blocks; }

  /// Words from the start of a row to a column of the window.
  std::int64_t place(std::int64_t column) const {
    return compact_ ? column * pixel_ : (column % step_x_ * line_ + column / step_x_) * pixel_;
  }

  /// Copies a block of words of image n to `to`, which has room for plane(). Rows beyond the picture are
  /// left alone: taps there are not used.
  void copy(const ConstBlocked& in, std::int64_t n, std::int64_t block, float* to) const;

 private:
  void copy_columns(const ConstBlocked& in, std::int64_t n, std::int64_t block, std::int64_t y,
                    float* to) const;
  void copy_compact(const ConstBlocked& in, std::int64_t n, std::int64_t y, float* to) const;

  bool compact_;
  std::int64_t first_y_, rows_;
  std::int64_t first_x_, columns_;
  std::int64_t step_x_;
  std::int64_t pixel_;  // words
  std::int64_t line_;   // pixels of one remainder
  std::int64_t row_;    // words
};

}  // namespace flownet2
