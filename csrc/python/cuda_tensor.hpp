// SPDX-License-Identifier: Apache-2.0
// Arrays on a GPU, from CuPy or whoever else has __cuda_array_interface__ version 3: any number of
// dimensions, any of the kernels' types.
#pragma once

#include <flownet2/cuda/number.hpp>

#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ops/checks.hpp"

namespace flownet2::python {

namespace py = pybind11;

// Typestrs that kernels take, one blank between them; bfloat16 travels as its bits, "<u2".
inline constexpr const char* float32 = "<f4";
inline constexpr const char* any_float = "<f4 <f2 <u2";

struct CudaTensor {
  void* data = nullptr;
  std::string type;  // as typestr: "<f4"
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // elements
  std::optional<std::uintptr_t> stream;
  const char* name = "";

  std::int64_t size(std::size_t axis) const { return shape[axis]; }
};

namespace detail {

[[noreturn]] inline void wrong_type(const char* name, const std::string& what) {
  throw py::type_error(std::string(name) + ": " + what);
}
[[noreturn]] inline void wrong_value(const char* name, const std::string& what) {
  throw py::value_error(std::string(name) + ": " + what);
}

inline std::int64_t product(const char* name, std::int64_t a, std::int64_t b) {
  if (a != 0 && b > std::numeric_limits<std::int64_t>::max() / 8 / a) wrong_value(name, "too large");
  return a * b;
}

inline py::object entry(const py::dict& interface, const char* key) {
  return interface.contains(key) ? py::object(interface[key]) : py::none();
}

inline py::dict read_interface(const py::object& array, const char* name) {
  if (!py::hasattr(array, "__cuda_array_interface__")) {
    wrong_type(name, "expected an array on the GPU (cupy.ndarray), got " +
                         std::string(py::str(py::type::of(array).attr("__name__"))));
  }
  const auto interface = array.attr("__cuda_array_interface__").cast<py::dict>();
  for (const char* key : {"shape", "typestr", "data", "version"}) {
    if (!interface.contains(key))
      wrong_type(name, "__cuda_array_interface__ lacks '" + std::string(key) + "'");
  }
  const int version = interface["version"].cast<int>();
  if (version < 3)
    wrong_type(name, "__cuda_array_interface__ of version " + std::to_string(version) + ", expected 3");
  if (!entry(interface, "mask").is_none()) wrong_type(name, "masked arrays are not supported");
  return interface;
}

inline std::uintptr_t read_address(const py::dict& interface, const char* name, bool writes) {
  const auto data = interface["data"].cast<py::tuple>();
  if (data.size() != 2) wrong_type(name, "'data' of __cuda_array_interface__ is no pair");
  if (writes && data[1].cast<bool>()) wrong_value(name, "the array is read-only");
  return data[0].cast<std::uintptr_t>();
}

/// Distances in elements, C order if the interface has none.
inline void read_strides(const py::object& given, std::int64_t item, CudaTensor& tensor) {
  const std::size_t axes = tensor.shape.size();
  tensor.strides.assign(axes, 1);
  if (given.is_none()) {
    for (std::size_t i = axes; i-- > 1;) {
      tensor.strides[i - 1] = product(tensor.name, tensor.strides[i], tensor.shape[i]);
    }
    return;
  }
  const auto bytes = given.cast<py::tuple>();
  if (bytes.size() != axes) wrong_value(tensor.name, "strides and shape differ in length");
  for (std::size_t i = 0; i < axes; ++i) {
    const auto stride = bytes[i].cast<std::int64_t>();
    if (stride % item != 0) wrong_value(tensor.name, "a stride is no multiple of the element's size");
    tensor.strides[i] = stride / item;
  }
}

inline std::optional<std::uintptr_t> read_stream(const py::object& stream, const char* name) {
  if (stream.is_none()) return std::nullopt;
  const auto handle = stream.cast<std::uintptr_t>();
  if (handle == 0)
    wrong_value(name,
                "stream 0, which __cuda_array_interface__ forbids; 1 is the legacy default stream");
  return handle;
}

}  // namespace detail

/// `types`: the typestrs that are taken.
inline CudaTensor cuda_tensor(const py::object& array, const char* name, std::size_t axes,
                              const std::string& types, bool writes) {
  using namespace detail;
  const py::dict interface = read_interface(array, name);
  CudaTensor tensor;
  tensor.name = name;
  tensor.type = interface["typestr"].cast<std::string>();
  const std::size_t found = types.find(tensor.type);  // each has three characters
  if (tensor.type.size() != 3 || found == std::string::npos || found % 4 != 0) {
    wrong_type(name, "expected typestr " + types + ", got '" + tensor.type + "'");
  }
  for (const auto& size : interface["shape"].cast<py::tuple>()) {
    tensor.shape.push_back(size.cast<std::int64_t>());
  }
  if (tensor.shape.size() != axes) {
    wrong_value(
        name, "expected " + std::to_string(axes) + " dimensions, got shape " + to_string(tensor.shape));
  }
  std::int64_t elements = 1;
  for (const std::int64_t size : tensor.shape) {
    if (size < 1) wrong_value(name, "no axis may be empty, got shape " + to_string(tensor.shape));
    elements = product(name, elements, size);
  }
  const std::int64_t item = tensor.type.back() - '0';
  read_strides(entry(interface, "strides"), item, tensor);
  const std::uintptr_t address = read_address(interface, name, writes);
  tensor.data = reinterpret_cast<void*>(address);  // NOLINT: the interface gives addresses as numbers
  tensor.stream = read_stream(entry(interface, "stream"), name);
  return tensor;
}

inline void expect_shape(const CudaTensor& tensor, const std::vector<std::int64_t>& shape) {
  if (tensor.shape == shape) return;
  detail::wrong_value(tensor.name,
                      "expected shape " + to_string(shape) + ", got " + to_string(tensor.shape));
}

/// Elements from one position of the last axis but one to the next; the last axis is without gaps, and
/// so are those before. An axis of one element has any stride.
inline std::int64_t pixel_pitch(const CudaTensor& tensor) {
  const std::size_t axes = tensor.shape.size();
  std::int64_t pixels = 1;
  std::optional<std::int64_t> pitch;
  bool regular = tensor.shape[axes - 1] == 1 || tensor.strides[axes - 1] == 1;
  for (std::size_t i = axes - 1; i-- > 0; pixels *= tensor.shape[i]) {
    if (tensor.shape[i] == 1) continue;
    if (!pitch && tensor.strides[i] % pixels == 0) pitch = tensor.strides[i] / pixels;
    regular = regular && pitch && tensor.strides[i] == detail::product(tensor.name, *pitch, pixels);
  }
  const std::int64_t found = pitch.value_or(tensor.shape[axes - 1]);
  if (!regular || found < tensor.shape[axes - 1]) {
    detail::wrong_value(tensor.name, "expected an array in C order, or channels of one");
  }
  return found;
}

inline void expect_contiguous(const CudaTensor& tensor) {
  if (pixel_pitch(tensor) == tensor.shape.back()) return;
  detail::wrong_value(tensor.name, "expected C order without gaps; cupy.ascontiguousarray makes it");
}

/// As the library names sizes, of an array (N, H, W, C).
inline Shape nhwc_shape(const CudaTensor& t) { return {t.size(0), t.size(3), t.size(1), t.size(2)}; }

inline const float* floats(const CudaTensor& t) { return static_cast<const float*>(t.data); }

inline cuda::Number number_of(const CudaTensor& tensor) {
  if (tensor.type == "<f4") return cuda::Number::float32;
  return tensor.type == "<f2" ? cuda::Number::float16 : cuda::Number::bfloat16;
}

}  // namespace flownet2::python
