// SPDX-License-Identifier: Apache-2.0
// The GPU's kernels as a private module, from one source twice: flownet2._cuda beside objects of nvcc,
// and the tests' _cuda_host, whose kernels run on the CPU (tests/cuda/emulator).
#include <pybind11/pybind11.h>

#include "cuda/device.cuh"
#include "python/cuda_kernels.hpp"

#ifndef FLOWNET2_CUDA_MODULE
#define FLOWNET2_CUDA_MODULE _cuda
#endif

namespace py = pybind11;

namespace {

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
#if CUH_EMULATED
  m.attr("cuda_version") = 0;
#else
  m.attr("cuda_version") = CUDART_VERSION;
#endif
  flownet2::python::bind_cuda_correlation(m);
  flownet2::python::bind_cuda_kernels(m);
  flownet2::python::bind_cuda_flow(m);
#if CUH_EMULATED
  py::register_exception<cuh::error>(m, "KernelError", PyExc_RuntimeError);
  m.def("seed", [](std::uint64_t seed) { cuh::set_seed(seed); }, py::arg("seed"));
  m.def("stats", &stats, "What the launches did since the last call.");
#endif
}
