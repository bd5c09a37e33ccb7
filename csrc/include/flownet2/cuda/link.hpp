// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/number.hpp>
#include <flownet2/export.h>
#include <flownet2/ops.hpp>

#include <cstdint>

namespace flownet2::cuda {

/// Raw flow at a quarter of the size: (N, H / 4, W / 4, pitch) float32, of which u and v are the first
/// two.
struct QuarterFlow {
  const float* data = nullptr;
  std::int64_t pitch = 2;  // even
  float factor = 20.0f;    // raw times this is pixels
};

/// The pictures of a link, as pack() leaves them: (N, H, W, 8) of `type`.
struct LinkPictures {
  const void* pair = nullptr;
  Number type = Number::float32;
  std::int64_t n = 0, h = 0, w = 0;
  Padding padding = Padding::border;  // of the warping
};

/// Input of the next stacked network: out (N, H, W, 16) of the pictures' type, aligned to 16 bytes.
/// Channels: picture 1 (3), picture 2 (3), warped (3), raw flow x4 bilinear (2), error (1), zeros (4).
FLOWNET2_API void link(const LinkPictures& pictures, const QuarterFlow& flow, bool align_corners,
                       void* out, void* stream);

/// Input of the fusion network, flows in pixels, x4 by nearest neighbour.
/// Channels: picture 1 (3), both flows (4), their lengths (2), both errors (2), zeros (5).
FLOWNET2_API void fusion_link(const LinkPictures& pictures, const QuarterFlow& small,
                              const QuarterFlow& stacked, void* out, void* stream);

}  // namespace flownet2::cuda
