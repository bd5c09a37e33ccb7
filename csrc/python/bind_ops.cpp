// SPDX-License-Identifier: Apache-2.0
// The operators. The GIL is released around each computation: views hold plain pointers, and the arrays
// they point into are kept alive by the call's arguments.
#include <flownet2/error.hpp>
#include <flownet2/ops.hpp>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "python/bindings.hpp"
#include "python/gil.hpp"
#include "python/numpy_view.hpp"

namespace flownet2::python {
namespace {

/// The enumerator that `value` names, or Error.
template <typename Enum>
Enum choose(const char* argument, const std::string& value,
            std::initializer_list<std::pair<const char*, Enum>> choices) {
  std::string allowed;
  for (const auto& [name, enumerator] : choices) {
    if (value == name) return enumerator;
    allowed += (allowed.empty() ? "'" : " or '") + std::string(name) + "'";
  }
  throw Error(ErrorCode::invalid_argument,
              std::string(argument) + " must be " + allowed + ", got '" + value + "'");
}

/// A new array of that shape, filled by compute(view) without the GIL.
template <typename Compute>
py::array_t<float> fill(const Shape& shape, Compute compute) {
  NewArray out(shape);
  without_gil([&] { compute(out.view); });
  return out.array;
}

py::array_t<float> correlation_py(const py::object& a, const py::object& b,
                                  std::int64_t max_displacement, std::int64_t stride,
                                  const std::string& reduction, std::optional<float> leaky_slope) {
  CorrelationOptions options;
  options.max_displacement = max_displacement;
  options.stride = stride;
  options.reduction = choose<Reduction>("correlation: reduction", reduction,
                                        {{"sum", Reduction::sum}, {"mean", Reduction::mean}});
  options.leaky_slope = leaky_slope;
  const ConstView a_view = view("correlation", "a", a);
  const ConstView b_view = view("correlation", "b", b);
  return fill(correlation_shape(a_view.shape, b_view.shape, options),
              [&](MutableView out) { correlation(a_view, b_view, options, out); });
}

py::array_t<float> warp_py(const py::object& x, const py::object& flow, const std::string& padding,
                           bool align_corners, bool mask) {
  WarpOptions options;
  options.padding =
      choose<Padding>("warp: padding", padding,
                      {{"border", Padding::border}, {"zeros", Padding::zeros}, {"cut", Padding::cut}});
  options.align_corners = align_corners;
  options.mask = mask;
  const ConstView x_view = view("warp", "x", x);
  const ConstView flow_view = view("warp", "flow", flow);
  return fill(warp_shape(x_view.shape, flow_view.shape),
              [&](MutableView out) { warp(x_view, flow_view, options, out); });
}

py::array_t<float> resize_py(const py::object& x, std::pair<std::int64_t, std::int64_t> size,
                             const std::string& mode, bool align_corners) {
  ResizeOptions options;
  options.height = size.first;
  options.width = size.second;
  options.mode = choose<ResizeMode>(
      "resize: mode", mode, {{"bilinear", ResizeMode::bilinear}, {"nearest", ResizeMode::nearest}});
  options.align_corners = align_corners;
  const ConstView x_view = view("resize", "x", x);
  return fill(resize_shape(x_view.shape, options),
              [&](MutableView out) { resize(x_view, options, out); });
}

py::array_t<float> channel_norm_py(const py::object& x) {
  const ConstView x_view = view("channel_norm", "x", x);
  return fill(channel_norm_shape(x_view.shape), [&](MutableView out) { channel_norm(x_view, out); });
}

}  // namespace

void bind_ops(py::module_& m) {
  prepare_numpy();
  m.def("correlation", correlation_py, py::arg("a"), py::arg("b"), py::kw_only(),
        py::arg("max_displacement"), py::arg("stride"), py::arg("reduction"), py::arg("leaky_slope"));
  m.def("warp", warp_py, py::arg("x"), py::arg("flow"), py::kw_only(), py::arg("padding"),
        py::arg("align_corners"), py::arg("mask"));
  m.def("resize", resize_py, py::arg("x"), py::kw_only(), py::arg("size"), py::arg("mode"),
        py::arg("align_corners"));
  m.def("channel_norm", channel_norm_py, py::arg("x"));
}

}  // namespace flownet2::python
