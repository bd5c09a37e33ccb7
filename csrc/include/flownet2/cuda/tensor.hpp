// SPDX-License-Identifier: Apache-2.0
// Tensors on the GPU as the operators take them: axes N, C, H, W, any type of elements, any strides.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/cuda/number.hpp>

#include <cstdint>

namespace flownet2::cuda {

/// Elements from one position of an axis to the next. The stride of an axis of one says nothing.
struct Strides {
  std::int64_t n = 0;
  std::int64_t c = 0;
  std::int64_t h = 0;
  std::int64_t w = 0;
};

/// Of a tensor without gaps, N, C, H, W in memory.
inline Strides planar(const Shape& shape) {
  return {shape.c * shape.h * shape.w, shape.h * shape.w, shape.w, 1};
}

/// Of a tensor without gaps, N, H, W, C in memory.
inline Strides channels_last(const Shape& shape) {
  return {shape.c * shape.h * shape.w, 1, shape.c * shape.w, shape.c};
}

/// NCHW, NHWC, some channels of a wider buffer, a crop: only the strides differ.
template <typename Data>
struct StridedTensor {
  Data* data = nullptr;
  Number type = Number::float32;
  Shape shape;
  Strides strides;
};

using ConstTensor = StridedTensor<const void>;
using MutableTensor = StridedTensor<void>;

}  // namespace flownet2::cuda
