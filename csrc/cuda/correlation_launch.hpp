// SPDX-License-Identifier: Apache-2.0
// The grids of the correlation kernels: pure functions of the sizes.
#pragma once

#include <cstdint>

namespace flownet2::cuda {

/// What a launch asks of the device. Within its limits: fits().
struct LaunchShape {
  std::int64_t x = 1, y = 1, z = 1;  // blocks
  int threads = 0;                   // of a block
  int shared = 0;                    // bytes of dynamic shared memory
};

LaunchShape simt_shape(std::int64_t n, std::int64_t h, std::int64_t w);
LaunchShape mma_shape(std::int64_t n, std::int64_t h, std::int64_t w, int channels);
LaunchShape plain_shape(std::int64_t outputs);
bool fits(const LaunchShape& shape);

}  // namespace flownet2::cuda
