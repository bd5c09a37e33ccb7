// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/number.hpp>
#include <flownet2/export.h>

#include <cstdint>

namespace flownet2::cuda {

/// Two pictures of 3 channels each. Strides are in elements and say the layout: NCHW, NHWC, a crop.
struct Pictures {
  const void* first = nullptr;
  const void* second = nullptr;
  bool bytes = false;     // uint8 0..255, else float32 0..1
  bool reversed = false;  // channel c of the network is channel 2 - c of the pictures
  float mean[3] = {};     // subtracted, in the network's order
  std::int64_t n = 0, h = 0, w = 0;
  std::int64_t image_stride = 0, channel_stride = 0, row_stride = 0, column_stride = 0;
};

/// -> out (N, H, W, 8) of `type`, aligned to 16 bytes: the first picture's channels, 0, the second's, 0.
FLOWNET2_API void pack(const Pictures& pictures, void* out, Number type, void* stream);

}  // namespace flownet2::cuda
