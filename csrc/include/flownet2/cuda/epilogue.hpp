// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/number.hpp>
#include <flownet2/export.h>

#include <cstdint>

namespace flownet2::cuda {

/// What follows a convolution's matrix product. Pixels are NHWC; a pitch is the elements from one pixel
/// to the next. Rows of all images are counted as one: N * H, or the slab that a call is about.
struct Epilogue {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t channels = 0;  // read and written
  std::int64_t in_pitch = 0;
  std::int64_t out_pitch = 0;
  float slope = 1.0f;  // of LeakyReLU; 1: none
  // `out` has step times the rows and columns; pixel (row, column) goes to (row * step + phase_row,
  // ...).
  std::int64_t step = 1;
  std::int64_t phase_row = 0;
  std::int64_t phase_column = 0;
};

/// `out` is the first channel of the slice that is written; `bias` (channels, float32) may be null. One
/// of the two types is float32, or both are the same.
FLOWNET2_API void epilogue(const void* in, Number in_type, const float* bias, void* out, Number out_type,
                           const Epilogue& what, void* stream);

}  // namespace flownet2::cuda
