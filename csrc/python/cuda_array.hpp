// SPDX-License-Identifier: Apache-2.0
// Arrays on a GPU, from CuPy or whoever else has __cuda_array_interface__ version 3.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "cuda/device.cuh"

namespace flownet2::python {

namespace py = pybind11;

/// An array (n, h, w, c) of which pixels lie one `pitch` after the other: a slice of the channels of a
/// wider one.
struct CudaImage {
  void* data = nullptr;
  bool half = false;  // float16, else float32
  std::int64_t n = 0, h = 0, w = 0, c = 0;
  std::int64_t pitch = 0;                // elements
  std::optional<std::uintptr_t> stream;  // where the producer's work was queued, if it says so
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

/// The four sizes, each no more than an int holds.
inline void read_shape(const py::dict& interface, const char* name, std::int64_t (&size)[4]) {
  const auto shape = interface["shape"].cast<py::tuple>();
  if (shape.size() != 4) {
    wrong_value(name, "expected 4 dimensions (n, h, w, c), got " + std::to_string(shape.size()));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    size[i] = shape[i].cast<std::int64_t>();
    if (size[i] < 0 || size[i] > std::numeric_limits<int>::max()) {
      wrong_value(name, "size " + std::to_string(size[i]) + " of dimension " + std::to_string(i));
    }
  }
}

/// The distance of two pixels, in elements. The stride of a dimension with one element says nothing.
inline std::int64_t read_pitch(const py::object& strides, const char* name,
                               const std::int64_t (&size)[4], std::int64_t item) {
  if (strides.is_none()) return size[3];
  const auto bytes = strides.cast<py::tuple>();
  if (bytes.size() != 4) wrong_value(name, "strides and shape differ in length");
  const std::int64_t pixels[4] = {product(name, size[1], size[2]), size[2], 1, 0};  // in one step
  std::int64_t pitch = size[3];
  bool known = false;
  for (std::size_t i = 4; i-- > 0;) {
    if (size[i] < 2) continue;
    const auto stride = bytes[i].cast<std::int64_t>();
    const bool fits = i == 3 ? stride == item : stride > 0 && stride % (item * pixels[i]) == 0;
    const std::int64_t found = i == 3 ? pitch : stride / (item * pixels[i]);
    if (!fits || found < size[3] || (known && found != pitch)) {
      wrong_value(name,
                  "expected an array (n, h, w, c) in C order or a slice of the channels of one; "
                  "cupy.ascontiguousarray makes one");
    }
    if (found > std::numeric_limits<int>::max())
      wrong_value(name, "the distance of two pixels is too large");
    known = known || i < 3;
    pitch = found;
  }
  return pitch;
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

/// Reads and checks the interface. TypeError for what is no such array, ValueError for one that does not
/// fit.
inline CudaImage cuda_image(const py::object& array, const char* name, bool writes) {
  using namespace detail;
  const py::dict interface = read_interface(array, name);
  CudaImage image;
  const auto type = interface["typestr"].cast<std::string>();
  if (type != "<f4" && type != "<f2")
    wrong_type(name, "expected float32 or float16, got typestr '" + type + "'");
  image.half = type == "<f2";
  const std::int64_t item = image.half ? 2 : 4;
  std::int64_t size[4];
  read_shape(interface, name, size);
  image.n = size[0], image.h = size[1], image.w = size[2], image.c = size[3];
  image.pitch = read_pitch(entry(interface, "strides"), name, size, item);
  const std::int64_t elements =
      product(name, product(name, product(name, image.n, image.h), image.w), image.pitch);
  const std::uintptr_t address = read_address(interface, name, writes);
  if (elements > 0 && address == 0) wrong_value(name, "the array has no memory");
  if (address % std::uintptr_t(item) != 0)
    wrong_value(name, "the data are not aligned to their elements");
  image.data = reinterpret_cast<void*>(address);  // NOLINT: the interface gives addresses as numbers
  image.stream = read_stream(entry(interface, "stream"), name);
  return image;
}

/// Raises RuntimeError where the runtime reports a failure.
inline void check_cuda(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::string message = std::string(what) + ": " + cudaGetErrorString(error);
  if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice) {
    message +=
        ". flownet2 on the GPU needs an NVIDIA GPU and its driver; `nvidia-smi` shows what is there";
  }
  throw std::runtime_error(message);
}

/// Makes the launch stream wait for what the producer has queued. No wait on the host: this may be
/// captured.
inline void follow(const std::optional<std::uintptr_t>& producer, std::uintptr_t launch) {
  if (!producer) return;
  const std::uintptr_t from = *producer;
  if (from == launch || (from == 1 && launch == 0))
    return;  // 0 and 1 are both the legacy default stream
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
  cudaError_t error = cudaEventRecord(event, reinterpret_cast<cudaStream_t>(from));
  if (error == cudaSuccess)
    error = cudaStreamWaitEvent(reinterpret_cast<cudaStream_t>(launch), event, 0);
  cudaEventDestroy(event);  // takes effect when the event has happened
  check_cuda(error, "order of streams");
}

}  // namespace flownet2::python
