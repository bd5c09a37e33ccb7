// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/export.h>

#include <cstdint>

namespace flownet2::cuda {

/// The windows that a convolution reads, of an NHWC tensor: a row of the matrix for each output pixel,
/// in it kernel_rows x kernel_columns pixels of all channels. Types do not matter, only their bytes.
struct Gather {
  Shape in;                // N, C, H, W; in memory N, H, W, C
  std::int64_t pitch = 0;  // elements from one pixel to the next: more than C in a wider buffer
  std::int64_t bytes = 0;  // of an element: 2 or 4
  std::int64_t kernel_rows = 0;
  std::int64_t kernel_columns = 0;
  std::int64_t stride = 1;
  std::int64_t padding_top = 0;
  std::int64_t padding_left = 0;
  std::int64_t out_rows = 0;  // of an image
  std::int64_t out_columns = 0;
};

/// Of conv2d with a square kernel.
FLOWNET2_API Gather convolution_windows(const Shape& in, std::int64_t pitch, std::int64_t bytes,
                                        std::int64_t kernel, std::int64_t stride, std::int64_t padding);

/// Rows [first, last) of the N * out_rows rows -> out (last - first, out_columns, kernel_rows,
/// kernel_columns, C) without gaps; zeros outside the image.
FLOWNET2_API void gather(const void* in, const Gather& what, std::int64_t first, std::int64_t last,
                         void* out, void* stream);

}  // namespace flownet2::cuda
