// SPDX-License-Identifier: Apache-2.0
// What the kernels of strided tensors share. A thread does one pixel, and of its channels every so
// many-th; threads that are neighbours are channels of a pixel or pixels, whichever lies together in
// memory. A kernel is compiled for each type that it gathers; types of plain reads and of the result are
// looked at in the kernel, the same way for all threads.
#pragma once

#include <flownet2/cuda/tensor.hpp>

#include "cuda/values.cuh"

namespace flownet2::cuda {

struct Place {
  std::int64_t n;
  int y, x;
};

/// The thread's pixel in a grid of over_channels; false beyond the last one.
__device__ __forceinline__ bool find_place(const Shape& shape, Place& place) {
  const unsigned number = blockIdx.x * blockDim.y + threadIdx.y;
  const auto h = static_cast<unsigned>(shape.h);
  const auto w = static_cast<unsigned>(shape.w);
  const unsigned row = number / w;
  const unsigned image = row / h;
  place = {image, static_cast<int>(row - image * h), static_cast<int>(number - row * w)};
  return image < shape.n;
}

__device__ __forceinline__ int first_channel() {
  return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
}
__device__ __forceinline__ int channel_step() { return static_cast<int>(gridDim.y * blockDim.x); }

/// Of the place's channel 0, in elements.
template <typename Data>
__device__ __forceinline__ std::int64_t offset_of(const StridedTensor<Data>& t, const Place& place) {
  return place.n * t.strides.n + place.y * t.strides.h + place.x * t.strides.w;
}

/// Not through the cache of constant data: the tensor may be the result as well.
__device__ __forceinline__ float value_at(const ConstTensor& t, std::int64_t offset) {
  if (t.type == Number::float32) return static_cast<const float*>(t.data)[offset];
  if (t.type == Number::float16) return to_float(static_cast<const __half*>(t.data)[offset]);
  return to_float(static_cast<const __nv_bfloat16*>(t.data)[offset]);
}

__device__ __forceinline__ void put_at(const MutableTensor& t, std::int64_t offset, float value) {
  put_as(t.data, t.type, offset, value);
}

#if !defined(__CUDACC_RTC__)

// ---- on the host

/// Elements between the first and the last of an axis.
inline std::int64_t reach_of(const char* op, std::int64_t size, std::int64_t stride) {
  if (size < 2) return 0;
  const std::int64_t length = stride < 0 ? -std::max(stride, -INT64_MAX) : stride;
  return checked_product(op, size - 1, length);
}

template <typename Data>
void check_tensor(const char* op, const char* name, const StridedTensor<Data>& t) {
  const Shape& s = t.shape;
  check_shape(op, name, s);
  check_pointer(op, name, t.data, bytes_of(t.type));
  if (std::max({s.n, s.c, s.h, s.w}) > longest_side) {
    fail(op, std::string(name) + ": no axis may have more than 2 ** 30 elements");
  }
  const std::int64_t reach = reach_of(op, s.n, t.strides.n) + reach_of(op, s.c, t.strides.c) +
                             reach_of(op, s.h, t.strides.h) + reach_of(op, s.w, t.strides.w);
  checked_product(op, reach, bytes_of(t.type));
}

/// Also that no two elements of the result are one, as far as single axes tell.
inline void check_result(const char* op, const Shape& expected, const MutableTensor& out) {
  if (out.shape != expected) {
    fail(op, "out must be " + to_string(expected) + ", got " + to_string(out.shape));
  }
  check_tensor(op, "out", out);
  const Strides& by = out.strides;
  const bool repeats = (out.shape.n > 1 && by.n == 0) || (out.shape.c > 1 && by.c == 0) ||
                       (out.shape.h > 1 && by.h == 0) || (out.shape.w > 1 && by.w == 0);
  if (repeats) fail(op, "out has a stride of 0, it must have memory for each element");
}

/// The grid for a result.
inline Launch over_tensor(const char* op, const MutableTensor& out) {
  const std::int64_t rows = checked_product(op, out.shape.n, out.shape.h);
  const bool together = out.shape.c > 1 && out.strides.c == 1;
  return over_channels(op, checked_product(op, rows, out.shape.w), out.shape.c, together);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
