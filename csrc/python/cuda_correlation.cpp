// SPDX-License-Identifier: Apache-2.0
// Correlation on the GPU for Python.
#include <flownet2/cuda/correlation.hpp>

#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "cuda/correlation_launch.hpp"
#include "python/cuda_kernels.hpp"
#include "python/cuda_stream.hpp"
#include "python/cuda_tensor.hpp"

namespace flownet2::python {
namespace {

using cuda::Correlation;
using cuda::CorrelationKernel;
using cuda::LaunchShape;

constexpr std::int64_t largest_displacement = 1 << 24;

const char* kernel_name(CorrelationKernel kernel) {
  switch (kernel) {
    case CorrelationKernel::simt:
      return "simt";
    case CorrelationKernel::mma:
      return "mma";
    case CorrelationKernel::plain:
      return "plain";
  }
  return "";
}

CorrelationKernel kernel_of(const std::string& name) {
  for (const auto kernel : {CorrelationKernel::plain, CorrelationKernel::simt, CorrelationKernel::mma}) {
    if (name == kernel_name(kernel)) return kernel;
  }
  throw py::value_error("kernel: expected 'plain', 'simt' or 'mma', got '" + name + "'");
}

int as_int(const CudaTensor& tensor, std::int64_t value) {
  if (value <= std::numeric_limits<int>::max()) return static_cast<int>(value);
  throw py::value_error(std::string(tensor.name) +
                        ": no size and no pixel may have more than 2 ** 31 - 1 elements");
}

/// Scale and slope are the caller's.
Correlation correlation_of(const CudaTensor& a, const CudaTensor& b, const CudaTensor& out,
                           std::int64_t max_displacement, std::int64_t stride) {
  expect_shape(b, a.shape);
  if (a.type != b.type) throw py::type_error("b: expected the dtype of a");
  if (out.type != a.type && out.type != float32) {
    throw py::type_error("out: expected float32 or the dtype of a");
  }
  if (stride < 1 || max_displacement < 0 || max_displacement > largest_displacement) {
    throw py::value_error("expected 0 <= max_displacement <= 2**24 and stride >= 1, got " +
                          std::to_string(max_displacement) + " and " + std::to_string(stride));
  }
  const std::int64_t reach = max_displacement / stride, steps = 2 * reach + 1;
  expect_shape(out, {a.size(0), a.size(1), a.size(2), steps * steps});
  Correlation call;
  call.in = number_of(a);
  call.out = number_of(out);
  auto& args = call.args;
  args.a = a.data;
  args.b = b.data;
  args.out = out.data;
  args.a_pitch = as_int(a, pixel_pitch(a));
  args.b_pitch = as_int(b, pixel_pitch(b));
  args.out_pitch = as_int(out, pixel_pitch(out));
  args.n = as_int(a, a.size(0));
  args.h = as_int(a, a.size(1));
  args.w = as_int(a, a.size(2));
  args.c = as_int(a, a.size(3));
  args.reach = static_cast<int>(reach);
  // A stride beyond the displacement leaves one displacement, 0: any stride does.
  args.stride = static_cast<int>(std::min(stride, largest_displacement + 1));
  return call;
}

std::string correlate(const py::object& a, const py::object& b, const py::object& out,
                      std::int64_t max_displacement, std::int64_t stride, float scale,
                      std::optional<float> leaky_slope, std::uintptr_t launch,
                      const std::optional<std::string>& kernel) {
  const CudaTensor first = cuda_tensor(a, "a", 4, any_float, false);
  const CudaTensor second = cuda_tensor(b, "b", 4, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  Correlation call = correlation_of(first, second, to, max_displacement, stride);
  call.args.scale = scale;
  call.args.slope = leaky_slope.value_or(1.0f);
  const CorrelationKernel chosen = kernel ? kernel_of(*kernel) : best_kernel(call);
  if (!supports(chosen, call)) {
    throw py::value_error("kernel '" + std::string(kernel_name(chosen)) +
                          "' does not compute this call; leave `kernel` out to have one that does");
  }
  queue({&first, &second, &to}, launch, [&](void* stream) { cuda::correlate(call, chosen, stream); });
  return kernel_name(chosen);
}

py::dict launch_shape(const std::string& kernel, std::int64_t n, std::int64_t h, std::int64_t w,
                      int channels) {
  const CorrelationKernel which = kernel_of(kernel);
  const LaunchShape shape = which == CorrelationKernel::simt  ? cuda::simt_shape(n, h, w)
                            : which == CorrelationKernel::mma ? cuda::mma_shape(n, h, w, channels)
                                                              : cuda::plain_shape(n * h * w * channels);
  py::dict facts;
  facts["grid"] = py::make_tuple(shape.x, shape.y, shape.z);
  facts["threads"] = shape.threads;
  facts["shared"] = shape.shared;
  facts["fits"] = fits(shape);
  return facts;
}

}  // namespace

void bind_cuda_correlation(py::module_& m) {
  using py::arg;
  m.def("correlate", correlate, arg("a"), arg("b"), arg("out"), py::kw_only(), arg("max_displacement"),
        arg("stride"), arg("scale") = 1.0f, arg("leaky_slope") = py::none(), arg("launch_stream"),
        arg("kernel") = py::none(),
        "Arrays (n, h, w, c) on the GPU; out has (2 * (max_displacement // stride) + 1) ** 2 channels. "
        "Queued on the launch stream, nothing is waited for. Returns the kernel's name.");
  m.def("correlation_launch", launch_shape, arg("kernel"), arg("n"), arg("h"), arg("w"), arg("channels"),
        "The grid of a call; needs no GPU.");
}

}  // namespace flownet2::python
