// SPDX-License-Identifier: Apache-2.0
#include <flownet2/error.hpp>
#include <flownet2/ops.hpp>

#include <optional>
#include <string>
#include <vector>

#include "c_api/status.hpp"
#include "ops/pointwise.hpp"

namespace flownet2::c_api {
namespace {

Shape shape_of(const flownet2_tensor& tensor) { return {tensor.n, tensor.c, tensor.h, tensor.w}; }

/// `name` is the operator's and the argument's.
ConstView view(const char* name, const flownet2_tensor* tensor) {
  require(name, tensor);
  return {tensor->data, shape_of(*tensor)};
}

ConstView optional_view(const flownet2_tensor* tensor) {
  return tensor == nullptr ? ConstView() : ConstView(tensor->data, shape_of(*tensor));
}

/// Calls compute(view of out), or sets the shape of out where that has no data.
template <typename Compute>
void write(const Shape& shape, flownet2_tensor* out, const Compute& compute) {
  if (out->data != nullptr) {
    compute(MutableView(out->data, shape_of(*out)));
  } else {
    *out = {nullptr, shape.n, shape.c, shape.h, shape.w};
  }
}

std::optional<float> slope_of(std::int32_t leaky_relu, float leaky_slope) {
  if (leaky_relu == 0) return std::nullopt;
  return leaky_slope;
}

std::int64_t stride_of(std::int64_t given) { return given == 0 ? 1 : given; }

ConvolutionOptions translated(const flownet2_convolution_options* given) {
  const auto from = options_of(given);
  ConvolutionOptions options;
  options.stride_rows = stride_of(from.stride[0]);
  options.stride_columns = stride_of(from.stride[1]);
  options.padding_rows = from.padding[0];
  options.padding_columns = from.padding[1];
  options.leaky_slope = slope_of(from.leaky_relu, from.leaky_slope);
  return options;
}

CorrelationOptions translated(const flownet2_correlation_options* given) {
  CorrelationOptions options;
  if (given == nullptr) return options;
  const auto from = options_of(given);
  options.max_displacement = from.max_displacement;
  options.stride = stride_of(from.stride);
  options.reduction = from.mean != 0 ? Reduction::mean : Reduction::sum;
  options.leaky_slope = slope_of(from.leaky_relu, from.leaky_slope);
  return options;
}

WarpOptions translated(const flownet2_warp_options* given) {
  const auto from = options_of(given);
  WarpOptions options;
  if (from.zeros != 0) options.padding = from.zeros == 2 ? Padding::cut : Padding::zeros;
  options.align_corners = from.no_align_corners == 0;
  options.mask = from.mask != 0;
  return options;
}

ResizeOptions translated(const flownet2_resize_options* given, const flownet2_tensor& out) {
  const auto from = options_of(given);
  ResizeOptions options;
  options.height = out.h;
  options.width = out.w;
  options.mode = from.nearest != 0 ? ResizeMode::nearest : ResizeMode::bilinear;
  options.align_corners = from.align_corners != 0;
  return options;
}

ElementwiseKind kind_of(std::int32_t kind) {
  switch (kind) {
    case FLOWNET2_ADD:
      return ElementwiseKind::add;
    case FLOWNET2_SUB:
      return ElementwiseKind::sub;
    case FLOWNET2_MUL:
      return ElementwiseKind::mul;
    case FLOWNET2_SCALE:
      return ElementwiseKind::scale;
    default:
      throw Error(ErrorCode::invalid_argument,
                  "elementwise: kind must be FLOWNET2_ADD, FLOWNET2_SUB, FLOWNET2_MUL or FLOWNET2_SCALE "
                  "(0 to 3), got " +
                      std::to_string(kind));
  }
}

}  // namespace
}  // namespace flownet2::c_api

using namespace flownet2;
using namespace flownet2::c_api;

flownet2_status flownet2_conv2d(const flownet2_tensor* x, const flownet2_tensor* weight,
                                const flownet2_tensor* bias, const flownet2_convolution_options* options,
                                flownet2_tensor* out) {
  return guarded([&] {
    const ConstView in = view("conv2d: x", x);
    const ConstView kernel = view("conv2d: weight", weight);
    const ConvolutionOptions chosen = translated(options);
    require("conv2d: out", out);
    write(conv2d_shape(in.shape, kernel.shape, chosen), out,
          [&](MutableView to) { conv2d(in, kernel, optional_view(bias), chosen, to); });
  });
}

flownet2_status flownet2_conv_transpose2d(const flownet2_tensor* x, const flownet2_tensor* weight,
                                          const flownet2_tensor* bias,
                                          const flownet2_convolution_options* options,
                                          flownet2_tensor* out) {
  return guarded([&] {
    const ConstView in = view("conv_transpose2d: x", x);
    const ConstView kernel = view("conv_transpose2d: weight", weight);
    const ConvolutionOptions chosen = translated(options);
    require("conv_transpose2d: out", out);
    write(conv_transpose2d_shape(in.shape, kernel.shape, chosen), out,
          [&](MutableView to) { conv_transpose2d(in, kernel, optional_view(bias), chosen, to); });
  });
}

flownet2_status flownet2_leaky_relu(const flownet2_tensor* x, float slope, flownet2_tensor* out) {
  return guarded([&] {
    const ConstView in = view("leaky_relu: x", x);
    require("leaky_relu: out", out);
    write(leaky_relu_shape(in.shape), out, [&](MutableView to) { leaky_relu(in, slope, to); });
  });
}

flownet2_status flownet2_correlation(const flownet2_tensor* a, const flownet2_tensor* b,
                                     const flownet2_correlation_options* options, flownet2_tensor* out) {
  return guarded([&] {
    const ConstView first = view("correlation: a", a);
    const ConstView second = view("correlation: b", b);
    const CorrelationOptions chosen = translated(options);
    require("correlation: out", out);
    write(correlation_shape(first.shape, second.shape, chosen), out,
          [&](MutableView to) { correlation(first, second, chosen, to); });
  });
}

flownet2_status flownet2_warp(const flownet2_tensor* x, const flownet2_tensor* flow,
                              const flownet2_warp_options* options, flownet2_tensor* out) {
  return guarded([&] {
    const ConstView in = view("warp: x", x);
    const ConstView by = view("warp: flow", flow);
    const WarpOptions chosen = translated(options);
    require("warp: out", out);
    write(warp_shape(in.shape, by.shape), out, [&](MutableView to) { warp(in, by, chosen, to); });
  });
}

flownet2_status flownet2_resize(const flownet2_tensor* x, const flownet2_resize_options* options,
                                flownet2_tensor* out) {
  return guarded([&] {
    const ConstView in = view("resize: x", x);
    require("resize: out", out);
    const ResizeOptions chosen = translated(options, *out);
    write(resize_shape(in.shape, chosen), out, [&](MutableView to) { resize(in, chosen, to); });
  });
}

flownet2_status flownet2_channel_norm(const flownet2_tensor* x, flownet2_tensor* out) {
  return guarded([&] {
    const ConstView in = view("channel_norm: x", x);
    require("channel_norm: out", out);
    write(channel_norm_shape(in.shape), out, [&](MutableView to) { channel_norm(in, to); });
  });
}

flownet2_status flownet2_concat(const flownet2_tensor* inputs, size_t count, flownet2_tensor* out) {
  return guarded([&] {
    require("concat: inputs", inputs);
    require("concat: out", out);
    std::vector<Shape> shapes;
    std::vector<ConstView> views;
    for (std::size_t i = 0; i < count; ++i) {
      shapes.push_back(shape_of(inputs[i]));
      views.emplace_back(inputs[i].data, shapes.back());
    }
    write(concat_shape(shapes), out, [&](MutableView to) { concat(views, to); });
  });
}

flownet2_status flownet2_elementwise(int32_t kind, const flownet2_tensor* a, const flownet2_tensor* b,
                                     float factor, flownet2_tensor* out) {
  return guarded([&] {
    const ElementwiseKind chosen = kind_of(kind);
    const ConstView first = view("elementwise: a", a);
    const ConstView second = optional_view(b);
    require("elementwise: out", out);
    write(elementwise_shape(chosen, first, second), out,
          [&](MutableView to) { elementwise(chosen, first, second, factor, to); });
  });
}
