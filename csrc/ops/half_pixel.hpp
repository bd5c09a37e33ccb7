// SPDX-License-Identifier: Apache-2.0
// The one number of warping without align_corners, for the CPU's and the GPU's kernels.
#pragma once

#include <algorithm>
#include <cstdint>

namespace flownet2 {

/// What dividing the flow by W - 1 and reading it back in half pixels multiplies a position by.
inline float half_pixel_scale(std::int64_t size) {
  return static_cast<float>(static_cast<double>(size) /
                            static_cast<double>(std::max(size - 1, std::int64_t{1})));
}

}  // namespace flownet2
