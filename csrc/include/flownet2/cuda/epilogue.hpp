// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/array_view.hpp>
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
};

/// `out` is the first channel of the slice that is written; `bias` (channels, float32) may be null. One
/// of the two types is float32, or both are the same.
FLOWNET2_API void epilogue(const void* in, Number in_type, const float* bias, void* out, Number out_type,
                           const Epilogue& what, void* stream);

/// The same for conv_transpose2d 4x4 with stride 2 and padding 1, computed as one convolution 2x2 with
/// padding 1, whose result is a grid of (H / 2 + 1) x (W / 2 + 1) pixels for an image of `out`. A pixel
/// (i, j) of it has the sums of four phases (a, b), channels of (0, 0), (0, 1), (1, 0), (1, 1), which go
/// to (2 * i - 1 + a, 2 * j - 1 + b) of `out`; those outside are dropped. Tap t of a phase p is the
/// kernel's p + 2 - 2 * t.
struct Scatter {
  Shape out;                     // N, C, H, W, H and W even; in memory N, H, W, C
  std::int64_t in_pitch = 0;     // from one pixel of the grid to the next
  std::int64_t phase_pitch = 0;  // from one phase of a pixel to the next: C or more
  std::int64_t out_pitch = 0;
  float slope = 1.0f;  // of LeakyReLU; 1: none
};

/// Rows [first, last) of the N * (H / 2 + 1) rows of the grids, which begin at `in`; pointers and types
/// as those of epilogue, but `out` is the whole tensor.
FLOWNET2_API void scatter(const void* in, Number in_type, const float* bias, void* out, Number out_type,
                          const Scatter& what, std::int64_t first, std::int64_t last, void* stream);

}  // namespace flownet2::cuda
