// SPDX-License-Identifier: Apache-2.0
// A Python function as the engine's source of parameters.
#pragma once

#include <flownet2/error.hpp>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "engine/network.hpp"
#include "python/gil.hpp"

namespace flownet2::python {

namespace py = pybind11;

/// Calls a Python function from code that runs without the GIL, on the thread that let go of it, and
/// keeps what the function raises.
class PythonParameters {
 public:
  explicit PythonParameters(py::function function) : function_(std::move(function)) {}

  /// Calls compute(source) without the GIL. What Python raised in the source, or what compute throws,
  /// is thrown.
  template <typename Compute>
  void run(const Compute& compute) {
    std::exception_ptr error;
    state_ = PyEval_SaveThread();
    try {
      compute([this](const std::string& name) { return get(name); });
    } catch (...) {
      error = std::current_exception();
    }
    take_gil(state_);
    if (raised_) std::rethrow_exception(std::exchange(raised_, nullptr));
    if (error) std::rethrow_exception(error);
  }

 private:
  /// Calls act() with the GIL.
  template <typename Act>
  void with_gil(const Act& act) {
    take_gil(state_);
    has_gil_ = true;
    act();
    has_gil_ = false;
    state_ = PyEval_SaveThread();
  }

  Parameter get(const std::string& name) {
    Parameter parameter;
    with_gil([&] {
      try {
        parameter = view(name, function_(name));
      } catch (...) {
        raised_ = std::current_exception();
      }
    });
    // Not the Python exception itself: it must be copied and freed under the GIL.
    if (raised_) throw Error(ErrorCode::cancelled, "the parameter '" + name + "' could not be had");
    return parameter;
  }

  Parameter view(const std::string& name, py::object object) {
    constexpr int needed = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    const std::string who = "network: the parameter '" + name + "'";
    if (!py::isinstance<py::array_t<float>>(object)) {
      throw Error(ErrorCode::invalid_argument, who + " is no float32 array");
    }
    const auto array = py::reinterpret_borrow<py::array>(object);
    if ((array.flags() & needed) != needed) {
      throw Error(ErrorCode::invalid_argument, who + " must be C-contiguous and aligned");
    }
    Parameter parameter;
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) parameter.shape.push_back(array.shape(axis));
    parameter.data = static_cast<const float*>(array.data());
    // Called with the GIL only if there is no memory for the pointer's count.
    parameter.owner = std::shared_ptr<const void>(object.release().ptr(), [this](PyObject* kept) {
      if (has_gil_) {
        Py_DECREF(kept);
      } else {
        with_gil([&] { Py_DECREF(kept); });
      }
    });
    return parameter;
  }

  py::function function_;
  PyThreadState* state_ = nullptr;
  bool has_gil_ = false;
  std::exception_ptr raised_;
};

}  // namespace flownet2::python
