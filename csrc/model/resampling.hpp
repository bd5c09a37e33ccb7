// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing, line by line: the arithmetic of src/flownet2/resampling.py, equal to the bit.
#pragma once

#include <cstdint>
#include <vector>

namespace flownet2 {

/// What every output position is the weighted sum of: some positions of the source, in this order.
struct ResampleAxis {
  std::vector<std::vector<std::int64_t>> taps;  // of each term, for all output positions
  std::vector<std::vector<float>> weights;
  bool identity = false;  // of each position its own

  std::size_t size() const { return taps.front().size(); }
};

/// As cv2.resize(INTER_LINEAR): positions beyond the first or last column take that column alone.
ResampleAxis column_axis(std::int64_t in, std::int64_t out);

/// Unlike columns, rows keep their weights at the border; both neighbours are moved into the picture.
ResampleAxis row_axis(std::int64_t in, std::int64_t out);

/// As PyTorch with align_corners: the first position is the first pixel's, the last the last's.
ResampleAxis corner_axis(std::int64_t in, std::int64_t out);

/// As the Resample layer of the authors' Caffe, LINEAR with antialias: a triangle around each position,
/// if an axis falls as wide as the step on both. `other_step`: pixels of the source for each of the
/// output on the other axis; this one is moved by half of that. `identity` where neither axis changes.
ResampleAxis lmb_axis(std::int64_t in, std::int64_t out, double other_step);

/// A line of the source with its columns resampled, on the way to some of them becoming a line of the
/// result: for 8-bit pictures in integers, with coefficients of 11 bits, and of two terms.
struct LineResampler {
  explicit LineResampler(const ResampleAxis& columns);

  void columns(const std::uint8_t* from, std::int32_t* to) const;
  void columns(const float* from, float* to) const;

  /// The row `y` of an axis of rows, from the lines that its terms read.
  void rows(const std::vector<const std::int32_t*>& lines, const ResampleAxis& rows, std::size_t y,
            std::uint8_t* to) const;
  void rows(const std::vector<const float*>& lines, const ResampleAxis& rows, std::size_t y,
            float* to) const;

 private:
  const ResampleAxis& axis_;
  std::vector<std::int32_t> first_;  // coefficients
  std::vector<std::int32_t> second_;
};

}  // namespace flownet2
