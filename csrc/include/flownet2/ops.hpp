// SPDX-License-Identifier: Apache-2.0
// The operators, float32. NAME_shape() checks its arguments and gives the shape of `out`; NAME()
// computes. Both throw Error. `out` must not overlap an input. Results do not depend on the number of
// threads, nor on where in a batch an image stands.
#pragma once

#include <flownet2/array_view.hpp>

#include <cstdint>
#include <optional>

namespace flownet2 {

enum class Reduction { sum, mean };
enum class Padding { border, zeros };
enum class ResizeMode { bilinear, nearest };

struct CorrelationOptions {
  std::int64_t max_displacement = 20;  // pixels
  std::int64_t stride = 2;             // pixels between two displacements
  Reduction reduction = Reduction::sum;
  std::optional<float> leaky_slope;  // LeakyReLU as the last step
};

/// a, b (N, C, H, W) -> (N, D * D, H, W) with r = max_displacement / stride (rounded down), D = 2 * r
/// + 1. out[n, iy * D + ix, y, x] = sum over c of a[n, c, y, x] * b[n, c, y + (iy - r) * stride, x + (ix
/// - r) * stride]; 0 where b has no such pixel.
Shape correlation_shape(const Shape& a, const Shape& b, const CorrelationOptions& options);
void correlation(ConstView a, ConstView b, const CorrelationOptions& options, MutableView out);

struct WarpOptions {
  Padding padding = Padding::border;
  bool align_corners = true;
  bool mask = false;
};

/// x (N, C, H, W), flow (N, 2, H, W) in pixels -> (N, C, H, W): x at (column + u, row + v), bilinear.
/// align_corners: an axis of size 1 is read at 0. Otherwise the point is (column + u) * W / (W - 1) -
/// 0.5, rows likewise (grid_sample without align_corners, after the flow was normalised by W - 1).
/// border: the point is clamped to the picture. zeros: a neighbour outside counts as 0.
/// mask: 0 where no more than 0.9999 of the point's weight lies inside. A NaN coordinate gives NaN.
Shape warp_shape(const Shape& x, const Shape& flow);
void warp(ConstView x, ConstView flow, const WarpOptions& options, MutableView out);

struct ResizeOptions {
  std::int64_t height = 0;
  std::int64_t width = 0;
  ResizeMode mode = ResizeMode::bilinear;
  bool align_corners = false;  // bilinear only
};

/// x (N, C, H, W) -> (N, C, height, width), as torch.nn.functional.interpolate.
Shape resize_shape(const Shape& x, const ResizeOptions& options);
void resize(ConstView x, const ResizeOptions& options, MutableView out);

/// x (N, C, H, W) -> (N, 1, H, W): square root of the sum of squares over the channels.
Shape channel_norm_shape(const Shape& x);
void channel_norm(ConstView x, MutableView out);

}  // namespace flownet2
