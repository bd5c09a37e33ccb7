// SPDX-License-Identifier: Apache-2.0
// The only conversion between NumPy arrays and views, with all checks that a view's users rely on.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/error.hpp>

#include <pybind11/numpy.h>

#include <string>

namespace flownet2::python {

namespace py = pybind11;

/// To be called on import. pybind11 otherwise finds NumPy's functions in the first call and lets go of
/// the GIL meanwhile, in a way that ends the process if the interpreter ends just then (see gil.hpp).
inline void prepare_numpy() { py::detail::npy_api::get(); }

inline std::string describe(const py::array& array) {
  return py::str("{} of shape {}").format(array.dtype(), array.attr("shape"));
}

/// A view of an aligned C-contiguous float32 array (N, C, H, W), which may be read-only; it lives as
/// long as `object`.
inline ConstView view(const char* op, const char* name, const py::object& object) {
  const std::string argument = std::string(op) + ": " + name;
  if (!py::isinstance<py::array>(object)) {
    const std::string type = py::str(py::type::of(object).attr("__name__"));
    throw Error(ErrorCode::invalid_argument, argument + " must be a NumPy array, got " + type);
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  if (!py::isinstance<py::array_t<float>>(object)) {
    throw Error(ErrorCode::invalid_argument, argument + " must be float32, got " + describe(array));
  }
  if (array.ndim() != 4) {
    throw Error(ErrorCode::invalid_argument, argument + " must be (N, C, H, W), got " + describe(array));
  }
  constexpr int needed = py::array::c_style | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  if ((array.flags() & needed) != needed) {
    throw Error(ErrorCode::invalid_argument, argument + " must be C-contiguous and aligned");
  }
  return {static_cast<const float*>(array.data()),
          {array.shape(0), array.shape(1), array.shape(2), array.shape(3)}};
}

/// A new array and the view to fill it through.
struct NewArray {
  py::array_t<float> array;
  MutableView view;

  explicit NewArray(const Shape& shape)
      : array({shape.n, shape.c, shape.h, shape.w}), view(array.mutable_data(), shape) {}
};

}  // namespace flownet2::python
