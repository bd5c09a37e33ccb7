// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing, line by line: the arithmetic of src/flownet2/resampling.py, equal to the bit.
#pragma once

#include <cstdint>
#include <vector>

namespace flownet2 {

/// Two neighbours of every output position and the weight of the second.
struct ResampleAxis {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  std::vector<float> weight;
  bool identity = false;  // of each position its own
};

/// As cv2.resize(INTER_LINEAR): positions beyond the first or last column take that column alone.
ResampleAxis column_axis(std::int64_t in, std::int64_t out);

/// Unlike columns, rows keep their weights at the border; both neighbours are moved into the picture.
ResampleAxis row_axis(std::int64_t in, std::int64_t out);

/// As PyTorch with align_corners: the first position is the first pixel's, the last the last's.
ResampleAxis corner_axis(std::int64_t in, std::int64_t out);

/// A line of the source with its columns resampled, on the way to two of them becoming a line of the
/// result: for 8-bit pictures in integers, with coefficients of 11 bits.
struct LineResampler {
  explicit LineResampler(const ResampleAxis& columns);

  void columns(const std::uint8_t* from, std::int32_t* to) const;
  void columns(const float* from, float* to) const;

  void rows(const std::int32_t* first, const std::int32_t* second, float weight, std::uint8_t* to) const;
  void rows(const float* first, const float* second, float weight, float* to) const;

 private:
  const ResampleAxis& axis_;
  std::vector<std::int32_t> first_;  // coefficients
  std::vector<std::int32_t> second_;
};

}  // namespace flownet2
