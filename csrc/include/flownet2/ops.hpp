// SPDX-License-Identifier: Apache-2.0
// The operators, float32. NAME_shape() checks its arguments and gives the shape of `out`; NAME()
// computes. Both throw Error. `out` must not overlap an input. Results do not depend on the number of
// threads, nor on where in a batch an image stands.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/export.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace flownet2 {

enum class Reduction { sum, mean };
enum class Padding { border, zeros, cut };
enum class ResizeMode { bilinear, nearest };
enum class ElementwiseKind { add, sub, mul, scale };

struct ConvolutionOptions {
  std::int64_t stride_rows = 1;
  std::int64_t stride_columns = 1;
  std::int64_t padding_rows = 0;  // zeros on each side; of a transposed convolution: cut from each side
  std::int64_t padding_columns = 0;
  std::optional<float> leaky_slope;  // LeakyReLU as the last step
};

/// x (N, Ci, H, W), weight (Co, Ci, Kh, Kw), bias (1, Co, 1, 1) or empty (no data) -> (N, Co, (H + 2 *
/// padding - Kh) / stride + 1, the same for W). The weights are prepared in each call: a Model does it
/// once.
FLOWNET2_API Shape conv2d_shape(const Shape& x, const Shape& weight, const ConvolutionOptions& options);
FLOWNET2_API void conv2d(ConstView x, ConstView weight, ConstView bias,
                         const ConvolutionOptions& options, MutableView out);

/// x (N, Ci, H, W), weight (Ci, Co, Kh, Kw), bias as for conv2d -> (N, Co, (H - 1) * stride - 2 *
/// padding + Kh, the same for W).
FLOWNET2_API Shape conv_transpose2d_shape(const Shape& x, const Shape& weight,
                                          const ConvolutionOptions& options);
FLOWNET2_API void conv_transpose2d(ConstView x, ConstView weight, ConstView bias,
                                   const ConvolutionOptions& options, MutableView out);

/// x where x > 0, slope * x elsewhere; `out` has the shape of x.
FLOWNET2_API void leaky_relu(ConstView x, float slope, MutableView out);

struct CorrelationOptions {
  std::int64_t max_displacement = 20;  // pixels
  std::int64_t stride = 2;             // pixels between two displacements
  Reduction reduction = Reduction::sum;
  std::optional<float> leaky_slope;  // LeakyReLU as the last step
};

/// a, b (N, C, H, W) -> (N, D * D, H, W) with r = max_displacement / stride (rounded down), D = 2 * r
/// + 1. out[n, iy * D + ix, y, x] = sum over c of a[n, c, y, x] * b[n, c, y + (iy - r) * stride, x + (ix
/// - r) * stride]; 0 where b has no such pixel.
FLOWNET2_API Shape correlation_shape(const Shape& a, const Shape& b, const CorrelationOptions& options);
FLOWNET2_API void correlation(ConstView a, ConstView b, const CorrelationOptions& options,
                              MutableView out);

struct WarpOptions {
  Padding padding = Padding::border;
  bool align_corners = true;
  bool mask = false;
};

/// x (N, C, H, W), flow (N, 2, H, W) in pixels -> (N, C, H, W): x at (column + u, row + v), bilinear.
/// align_corners: an axis of size 1 is read at 0. Otherwise the point is (column + u) * W / (W - 1) -
/// 0.5, rows likewise (grid_sample without align_corners, after the flow was normalised by W - 1).
/// border: the point is clamped to the picture. zeros: a neighbour outside counts as 0. cut: 0 where the
/// point is outside of 0 <= x < W, 0 <= y < H, elsewhere as border (Caffe `FlowWarp`).
/// mask: 0 where no more than 0.9999 of the point's weight lies inside. A NaN coordinate gives NaN.
FLOWNET2_API Shape warp_shape(const Shape& x, const Shape& flow);
FLOWNET2_API void warp(ConstView x, ConstView flow, const WarpOptions& options, MutableView out);

struct ResizeOptions {
  std::int64_t height = 0;
  std::int64_t width = 0;
  ResizeMode mode = ResizeMode::bilinear;
  bool align_corners = false;  // bilinear only
};

/// x (N, C, H, W) -> (N, C, height, width), as torch.nn.functional.interpolate.
FLOWNET2_API Shape resize_shape(const Shape& x, const ResizeOptions& options);
FLOWNET2_API void resize(ConstView x, const ResizeOptions& options, MutableView out);

/// x (N, C, H, W) -> (N, 1, H, W): square root of the sum of squares over the channels.
FLOWNET2_API Shape channel_norm_shape(const Shape& x);
FLOWNET2_API void channel_norm(ConstView x, MutableView out);

/// (N, C1, H, W), (N, C2, H, W), ... -> (N, C1 + C2 + ..., H, W).
FLOWNET2_API Shape concat_shape(const std::vector<Shape>& inputs);
FLOWNET2_API void concat(const std::vector<ConstView>& inputs, MutableView out);

/// add, sub, mul: a and b have one shape, factor is not used. scale: a * factor, b is empty.
FLOWNET2_API void elementwise(ElementwiseKind kind, ConstView a, ConstView b, float factor,
                              MutableView out);

}  // namespace flownet2
