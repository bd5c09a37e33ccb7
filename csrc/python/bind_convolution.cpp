// SPDX-License-Identifier: Apache-2.0
// The engine's convolution on single planar arrays: weights are packed anew in every call, so this is
// for tests and measurements.
#include <flownet2/error.hpp>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "ops/checks.hpp"
#include "ops/convolution.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/layout.hpp"
#include "python/bindings.hpp"
#include "python/gil.hpp"
#include "python/numpy_view.hpp"

namespace flownet2::python {
namespace {

using Pair = std::pair<std::int64_t, std::int64_t>;

constexpr std::int64_t largest = 1 << 20;  // of a stride or padding: products stay far from overflow

std::int64_t out_size(const char* op, std::int64_t in, std::int64_t kernel, std::int64_t stride,
                      std::int64_t pad, bool transposed) {
  if (stride < 1 || stride > largest || pad < 0 || pad > largest)
    fail(op, "stride or padding is out of range");
  const std::int64_t span = in + 2 * pad - kernel;
  const std::int64_t size = transposed ? checked_product(op, in - 1, stride) - 2 * pad + kernel
                                       : (span < 0 ? 0 : span / stride + 1);
  if (size < 1) fail(op, "nothing is left of the output");
  return size;
}

ConvolutionSpec make_spec(const char* op, const Shape& x, const Shape& weight, const Pair& stride,
                          const Pair& padding, const std::optional<float>& leaky_slope,
                          bool transposed) {
  check_shape(op, "x", x);
  check_shape(op, "weight", weight);
  ConvolutionSpec spec;
  spec.ci = transposed ? weight.n : weight.c;
  spec.co = transposed ? weight.c : weight.n;
  spec.kh = weight.h;
  spec.kw = weight.w;
  std::tie(spec.sh, spec.sw) = stride;
  std::tie(spec.ph, spec.pw) = padding;
  spec.transposed = transposed;
  spec.leaky_slope = leaky_slope;
  if (spec.ci != x.c) {
    fail(op,
         "weight " + to_string(weight) + " does not fit to " + std::to_string(x.c) + " input channels");
  }
  return spec;
}

struct Blocked {
  AlignedFloats data;
  MutableBlocked view;

  Blocked(const char* op, const Shape& shape, Element element)
      : data(aligned_floats(op, elements(op, shape))),
        view(data.get(), element, shape.n, shape.c, shape.h, shape.w,
             image_words(element, shape.c, shape.h, shape.w)) {}

  /// Words for float32, enough for bfloat16.
  static std::int64_t elements(const char* op, const Shape& shape) {
    const std::int64_t plane = checked_product(op, checked_product(op, shape.h, shape.w), channel_block);
    return checked_product(op, checked_product(op, shape.n, blocks_of(shape.c)), plane);
  }
};

py::array_t<float> convolve(const py::object& x, const py::object& weight, const py::object& bias,
                            const Pair& stride, const Pair& padding, std::optional<float> leaky_slope,
                            bool transposed, const std::optional<std::string>& isa, bool bfloat16) {
  const char* op = transposed ? "conv_transpose2d" : "conv2d";
  const ConstView in = view(op, "x", x);
  const ConstView kernel = view(op, "weight", weight);
  ConvolutionSpec spec = make_spec(op, in.shape, kernel.shape, stride, padding, leaky_slope, transposed);
  if (bfloat16) spec.element = Element::bfloat16;
  const float* bias_data = nullptr;
  if (!bias.is_none()) {
    const ConstView values = view(op, "bias", bias);
    if (values.shape != Shape{1, spec.co, 1, 1}) fail(op, "bias must be (1, Co, 1, 1)");
    bias_data = values.data;
  }
  const Shape out_shape = {in.shape.n, spec.co,
                           out_size(op, in.shape.h, spec.kh, spec.sh, spec.ph, transposed),
                           out_size(op, in.shape.w, spec.kw, spec.sw, spec.pw, transposed)};
  check_shape(op, "out", out_shape);
  NewArray out(out_shape);
  without_gil([&] {
    const Blocked blocked_in(op, in.shape, spec.element);
    const Blocked blocked_out(op, out.view.shape, spec.element);
    to_blocked(in, blocked_in.view);
    const auto convolution =
        isa ? make_direct_convolution(kernels_named(*isa), spec, kernel.data, bias_data)
            : make_convolution(spec, kernel.data, bias_data);
    convolution->run(blocked_in.view, blocked_out.view);
    to_planar(blocked_out.view, out.view);
  });
  return out.array;
}

}  // namespace

void bind_convolution(py::module_& m) {
  m.def("convolve", convolve, py::arg("x"), py::kw_only(), py::arg("weight"), py::arg("bias"),
        py::arg("stride"), py::arg("padding"), py::arg("leaky_slope"), py::arg("transposed"),
        py::arg("isa"), py::arg("bfloat16") = false);
}

}  // namespace flownet2::python
