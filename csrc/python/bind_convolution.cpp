// SPDX-License-Identifier: Apache-2.0
// conv2d and conv_transpose2d, and what tests may ask of them: an instruction set, the direct algorithm
// on it, bfloat16.
#include <flownet2/ops.hpp>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "cpu/dispatch.hpp"
#include "cpu/settings.hpp"
#include "ops/eager_convolution.hpp"
#include "python/bindings.hpp"
#include "python/gil.hpp"
#include "python/numpy_view.hpp"

namespace flownet2::python {
namespace {

using Pair = std::pair<std::int64_t, std::int64_t>;

py::array_t<float> convolve_py(const py::object& x, const py::object& weight, const py::object& bias,
                               const Pair& stride, const Pair& padding, std::optional<float> leaky_slope,
                               bool transposed, const std::optional<std::string>& isa, bool bfloat16) {
  const char* op = transposed ? "conv_transpose2d" : "conv2d";
  const auto kind = transposed ? ConvolutionKind::transposed : ConvolutionKind::plain;
  const ConvolutionOptions options = {stride.first, stride.second, padding.first, padding.second,
                                      leaky_slope};
  const ConvolutionChoice choice = {bfloat16 ? Element::bfloat16 : Element::float32, isa.has_value()};
  CallSettings settings = call_settings();
  if (isa) settings.kernels = &kernels_named(*isa);
  const ConstView in = view(op, "x", x);
  const ConstView kernel = view(op, "weight", weight);
  const ConstView values = bias.is_none() ? ConstView() : view(op, "bias", bias);
  NewArray out(checked_convolved_shape(kind, in.shape, kernel.shape, options));
  without_gil([&] {
    const SettingsScope scope(settings);
    convolve(kind, in, kernel, values, options, choice, out.view);
  });
  return out.array;
}

}  // namespace

void bind_convolution(py::module_& m) {
  m.def("convolve", convolve_py, py::arg("x"), py::kw_only(), py::arg("weight"), py::arg("bias"),
        py::arg("stride"), py::arg("padding"), py::arg("leaky_slope"), py::arg("transposed"),
        py::arg("isa"), py::arg("bfloat16") = false);
}

}  // namespace flownet2::python
