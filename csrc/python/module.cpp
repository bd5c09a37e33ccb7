// SPDX-License-Identifier: Apache-2.0
// flownet2._core: private. Python code goes through flownet2.ops.kernels and flownet2.runtime.
#include <flownet2/error.hpp>

#include <pybind11/pybind11.h>

#include <exception>

#include "python/bindings.hpp"

namespace py = pybind11;

namespace {

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const flownet2::Error& e) {
    const bool memory = e.code() == flownet2::ErrorCode::out_of_memory;
    py::set_error(memory ? PyExc_MemoryError : PyExc_ValueError, e.what());
  }
}

}  // namespace

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "Compiled kernels of flownet2; private.";
  py::register_local_exception_translator(translate);
  flownet2::python::bind_network(m);
  flownet2::python::bind_convolution(m);
  flownet2::python::bind_ops(m);
  flownet2::python::bind_runtime(m);
}
