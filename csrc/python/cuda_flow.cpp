// SPDX-License-Identifier: Apache-2.0
// The convolutions of a flow on the GPU for Python. Both tensors may be channels of wider ones.
#include <flownet2/cuda/flow_head.hpp>

#include <pybind11/stl.h>

#include <optional>

#include "python/cuda_kernels.hpp"
#include "python/cuda_stream.hpp"
#include "python/cuda_tensor.hpp"

namespace flownet2::python {
namespace {

struct Tensors {
  CudaTensor x, weight, bias, out;
};

Tensors read(const py::object& x, const char* types, const py::object& weight, const py::object& bias,
             const py::object& out) {
  Tensors t = {cuda_tensor(x, "x", 4, types, false), cuda_tensor(weight, "weight", 4, float32, false),
               CudaTensor(), cuda_tensor(out, "out", 4, any_float, true)};
  expect_contiguous(t.weight);
  if (bias.is_none()) return t;
  t.bias = cuda_tensor(bias, "bias", 1, float32, false);
  expect_shape(t.bias, {t.out.size(3)});
  if (t.bias.size(0) > 1 && t.bias.strides[0] != 1) throw py::value_error("bias: expected no gaps");
  return t;
}

cuda::FlowLayer layer_of(const Tensors& t, std::int64_t kernel, std::int64_t stride,
                         std::int64_t padding, std::optional<float> leaky_slope) {
  cuda::FlowLayer layer;
  layer.in = nhwc_shape(t.x);
  layer.out = nhwc_shape(t.out);
  layer.in_type = number_of(t.x);
  layer.out_type = number_of(t.out);
  layer.in_pitch = pixel_pitch(t.x);
  layer.out_pitch = pixel_pitch(t.out);
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  layer.slope = leaky_slope.value_or(1.0f);
  return layer;
}

/// weight (Co, K, K, Ci up to a multiple of 8), zeros beyond Ci.
void flow_head(const py::object& x, const py::object& weight, const py::object& bias,
               const py::object& out, std::int64_t stride, std::int64_t padding,
               std::optional<float> leaky_slope, std::uintptr_t launch) {
  const Tensors t = read(x, any_float, weight, bias, out);
  const std::int64_t kernel = t.weight.size(1);
  expect_shape(t.weight, {t.out.size(3), kernel, kernel, cuda::head_weight_channels(t.x.size(3))});
  const cuda::FlowLayer layer = layer_of(t, kernel, stride, padding, leaky_slope);
  queue({&t.x, &t.weight, &t.bias, &t.out}, launch, [&](void* stream) {
    cuda::flow_head(t.x.data, floats(t.weight), floats(t.bias), t.out.data, layer, stream);
  });
}

/// weight (Ci, Co, K, K).
void flow_up(const py::object& x, const py::object& weight, const py::object& bias,
             const py::object& out, std::int64_t stride, std::int64_t padding,
             std::optional<float> leaky_slope, std::uintptr_t launch) {
  const Tensors t = read(x, float32, weight, bias, out);
  const std::int64_t kernel = t.weight.size(2);
  expect_shape(t.weight, {t.x.size(3), t.out.size(3), kernel, kernel});
  const cuda::FlowLayer layer = layer_of(t, kernel, stride, padding, leaky_slope);
  queue({&t.x, &t.weight, &t.bias, &t.out}, launch, [&](void* stream) {
    cuda::flow_up(floats(t.x), floats(t.weight), floats(t.bias), t.out.data, layer, stream);
  });
}

}  // namespace

void bind_cuda_flow(py::module_& m) {
  using py::arg;
  m.def("flow_head", flow_head, arg("x"), arg("weight"), arg("bias").none(true), arg("out"),
        py::kw_only(), arg("stride"), arg("padding"), arg("leaky_slope") = py::none(),
        arg("launch_stream"));
  m.def("flow_up", flow_up, arg("x"), arg("weight"), arg("bias").none(true), arg("out"), py::kw_only(),
        arg("stride"), arg("padding"), arg("leaky_slope") = py::none(), arg("launch_stream"));
}

}  // namespace flownet2::python
