// SPDX-License-Identifier: Apache-2.0
// The planar operators on some rows of one image: what the operators of include/flownet2/ops.hpp and the
// links of the engine are made of. Arguments are checked there.
#pragma once

#include <flownet2/ops.hpp>

#include <cstdint>
#include <vector>

#include "cpu/kernel_table.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {

/// Rows [first, last) of an image of width w.
struct Band {
  std::int64_t n;
  std::int64_t first, last;
  std::int64_t w;

  std::int64_t pixels() const { return (last - first) * w; }
};

/// The rows of a band, channel by channel, of a whole tensor or of working memory.
template <typename T>
struct BandData {
  T* data = nullptr;  // row Band::first of channel 0
  std::int64_t plane = 0;

  BandData() = default;
  BandData(T* data_, std::int64_t plane_) : data(data_), plane(plane_) {}
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  BandData(const BandData<U>& other) : data(other.data), plane(other.plane) {}

  T* channel(std::int64_t c) const { return data + c * plane; }
};

using ConstBand = BandData<const float>;
using MutableBand = BandData<float>;

/// Of a whole tensor.
template <typename T>
BandData<T> band_of(const ArrayView<T>& view, const Band& band) {
  return {view.plane(band.n, 0) + band.first * view.shape.w, view.shape.h * view.shape.w};
}

void channel_norm_band(const KernelTable& kernels, const Band& band, std::int64_t channels, ConstBand x,
                       MutableBand out);

void leaky_relu_band(const Band& band, std::int64_t channels, ConstBand x, float slope, MutableBand out);

void elementwise_band(const Band& band, std::int64_t channels, ElementwiseKind kind, float factor,
                      ConstBand a, ConstBand b, MutableBand out);

/// x is the whole picture, of the band's height and width.
void warp_band(const KernelTable& kernels, const Band& band, ConstView x, ConstBand flow,
               const WarpOptions& options, MutableBand out);

/// Where the rows and columns of a resize read.
class ResizeTable {
 public:
  ResizeTable(const Shape& in, const ResizeOptions& options);

  /// A band of channel c of the result.
  void run(const KernelTable& kernels, const Band& band, ConstView x, std::int64_t c, float* out) const;

 private:
  bool nearest_;
  std::vector<ResizeTap> lines_;
  std::vector<ResizeTap> columns_;
};

}  // namespace flownet2
