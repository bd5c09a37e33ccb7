// SPDX-License-Identifier: Apache-2.0
// The GPU's kernels as a private module, from one source twice: flownet2._cuda beside objects of nvcc,
// and the tests' _cuda_host, whose kernels run on the CPU (tests/cuda/emulator).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>

#include "cuda/correlation.hpp"
#include "python/cuda_array.hpp"
#include "python/cuda_kernels.hpp"
#include "python/gil.hpp"

#ifndef FLOWNET2_CUDA_MODULE
#define FLOWNET2_CUDA_MODULE _cuda
#endif

namespace py = pybind11;

namespace {

using flownet2::cuda::Correlation;
using flownet2::cuda::CorrelationKernel;
using flownet2::cuda::Element;
using flownet2::cuda::LaunchShape;
using flownet2::python::CudaImage;

constexpr std::int64_t kLargestDisplacement = 1 << 24;

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

Correlation correlation_of(const CudaImage& a, const CudaImage& b, const CudaImage& out,
                           std::int64_t max_displacement, std::int64_t stride) {
  if (b.n != a.n || b.h != a.h || b.w != a.w || b.c != a.c)
    throw py::value_error("b: expected the shape of a");
  if (a.half != b.half) throw py::type_error("b: expected the dtype of a");
  if (out.half && !a.half) throw py::type_error("out: float16 needs float16 inputs");
  if (stride < 1 || max_displacement < 0 || max_displacement > kLargestDisplacement) {
    throw py::value_error("expected 0 <= max_displacement <= 2**24 and stride >= 1, got " +
                          std::to_string(max_displacement) + " and " + std::to_string(stride));
  }
  const std::int64_t reach = max_displacement / stride, steps = 2 * reach + 1;
  if (out.n != a.n || out.h != a.h || out.w != a.w || out.c != steps * steps) {
    throw py::value_error("out: expected the shape of a with " + std::to_string(steps * steps) +
                          " channels");
  }
  Correlation call;
  call.in = a.half ? Element::float16 : Element::float32;
  call.out = out.half ? Element::float16 : Element::float32;
  auto& args = call.args;
  args = {a.data,         b.data,   out.data, int(a.pitch), int(b.pitch),
          int(out.pitch), int(a.n), int(a.h), int(a.w),     int(a.c),
          int(reach),     1,        1.0f,     1.0f};
  // A stride beyond the displacement leaves one displacement, 0: any stride does.
  args.stride = int(std::min(stride, kLargestDisplacement + 1));
  return call;
}

std::string correlate(const py::object& a, const py::object& b, const py::object& out,
                      std::int64_t max_displacement, std::int64_t stride, float scale,
                      std::optional<float> leaky_slope, std::uintptr_t launch_stream,
                      const std::optional<std::string>& kernel) {
  const CudaImage images[3] = {flownet2::python::cuda_image(a, "a", false),
                               flownet2::python::cuda_image(b, "b", false),
                               flownet2::python::cuda_image(out, "out", true)};
  Correlation call = correlation_of(images[0], images[1], images[2], max_displacement, stride);
  call.args.scale = scale;
  call.args.slope = leaky_slope.value_or(1.0f);
  const CorrelationKernel chosen = kernel ? kernel_of(*kernel) : best_kernel(call);
  if (!supports(chosen, call)) {
    throw py::value_error("kernel '" + std::string(kernel_name(chosen)) +
                          "' does not compute this call; leave `kernel` out to have one that does");
  }
  flownet2::python::without_gil([&] {
    for (const CudaImage& image : images) flownet2::python::follow(image.stream, launch_stream);
    flownet2::python::check_cuda(correlate(call, chosen, reinterpret_cast<cudaStream_t>(launch_stream)),
                                 "correlation");
  });
  return kernel_name(chosen);
}

py::dict launch_shape(const std::string& kernel, std::int64_t n, std::int64_t h, std::int64_t w,
                      int channels) {
  const CorrelationKernel which = kernel_of(kernel);
  const LaunchShape shape = which == CorrelationKernel::simt ? flownet2::cuda::simt_shape(n, h, w)
                            : which == CorrelationKernel::mma
                                ? flownet2::cuda::mma_shape(n, h, w, channels)
                                : flownet2::cuda::plain_shape(n * h * w * channels);
  py::dict facts;
  facts["grid"] = py::make_tuple(shape.x, shape.y, shape.z);
  facts["threads"] = shape.threads;
  facts["shared"] = shape.shared;
  facts["fits"] = fits(shape);
  return facts;
}

#if CUH_EMULATED
py::dict stats() {
  const cuh::Stats& s = cuh::stats();
  py::dict facts;
  facts["blocks"] = s.blocks;
  facts["barriers"] = s.barriers;
  facts["mma"] = s.mma;
  facts["ldmatrix"] = s.ldmatrix;
  facts["ldmatrix_phases"] = s.ldmatrix_phases;
  facts["cp_async_bytes"] = s.cp_async_bytes;
  facts["stream_waits"] = s.stream_waits;
  facts["max_shared"] = s.max_shared;
  cuh::reset_stats();
  return facts;
}
#endif

}  // namespace

PYBIND11_MODULE(FLOWNET2_CUDA_MODULE, m, py::mod_gil_not_used()) {
  m.doc() = "Kernels for NVIDIA GPUs; private.";
  m.attr("emulated") = bool(CUH_EMULATED);
  m.def("correlate", &correlate, py::arg("a"), py::arg("b"), py::arg("out"), py::kw_only(),
        py::arg("max_displacement"), py::arg("stride"), py::arg("scale") = 1.0f,
        py::arg("leaky_slope") = py::none(), py::arg("launch_stream"), py::arg("kernel") = py::none(),
        "Arrays (n, h, w, c) on the GPU; out has (2 * (max_displacement // stride) + 1) ** 2 channels. "
        "Queued on the "
        "launch stream, nothing is waited for. Returns the kernel's name.");
  m.def("correlation_launch", &launch_shape, py::arg("kernel"), py::arg("n"), py::arg("h"), py::arg("w"),
        py::arg("channels"), "The grid of a call; needs no GPU.");
  flownet2::python::bind_cuda_kernels(m);
  flownet2::python::bind_cuda_flow(m);
#if CUH_EMULATED
  py::register_exception<cuh::error>(m, "KernelError", PyExc_RuntimeError);
  m.def("seed", [](std::uint64_t seed) { cuh::set_seed(seed); }, py::arg("seed"));
  m.def("stats", &stats, "What the launches did since the last call.");
#endif
}
