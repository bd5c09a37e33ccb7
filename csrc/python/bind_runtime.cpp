// SPDX-License-Identifier: Apache-2.0
#include <flownet2/runtime.hpp>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "cpu/memory.hpp"
#include "cpu/peak.hpp"
#include "python/bindings.hpp"
#include "python/gil.hpp"

namespace flownet2::python {

namespace py = pybind11;

namespace {

py::dict build_info_py() {
  const BuildInfo info = build_info();
  py::dict result;
  result["version"] = info.version;
  result["compiler"] = info.compiler;
  result["build_type"] = info.build_type;
  result["assertions"] = info.assertions;
  result["isa"] = info.isa;
  result["isas"] = info.isas;
  return result;
}

/// None where the instruction set has no such arithmetic.
std::optional<double> measure_peak_py(const std::string& kind) {
  double gflops = 0.0;
  without_gil([&] { gflops = measure_peak(kind); });
  if (gflops == 0.0) return std::nullopt;
  return gflops;
}

/// Stems of the operators in ops.hpp.
std::vector<std::string> op_names() {
  return {
#define FLOWNET2_OP(stem) #stem,
#include "ops/ops.def"
#undef FLOWNET2_OP
  };
}

}  // namespace

void bind_runtime(py::module_& m) {
  m.def("set_num_threads", set_num_threads, py::arg("count"));
  m.def("num_threads", num_threads);
  m.def("build_info", build_info_py);
  m.def("isa", isa);
  m.def("isas", isas);
  m.def("op_names", op_names);
  m.def("measure_peak", measure_peak_py, py::arg("kind"));
  m.def("aligned_bytes", aligned_bytes);
  m.def("fail_allocation", fail_allocation, py::arg("number"));
  m.attr("MAX_THREADS") = max_threads;
}

}  // namespace flownet2::python
