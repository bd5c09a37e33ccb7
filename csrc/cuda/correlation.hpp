// SPDX-License-Identifier: Apache-2.0
// Correlation on the GPU. Everything here is for the host; device memory is named by plain pointers.
#pragma once

#include <cstdint>

#include "cuda/correlation_args.hpp"
#include "cuda/number.hpp"

namespace flownet2::cuda {

/// simt: float32, 21 x 21 displacements in steps of 2. mma: float16 or bfloat16, the same, on tensor
/// cores. plain: any displacement, stride, number of channels and place in memory. Sums are float32.
enum class CorrelationKernel { plain, simt, mma };

struct Correlation {
  CorrelationArgs args;
  Number in = Number::float32;
  Number out = Number::float32;  // or as `in`
};

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

/// Whether the kernel computes this call: displacements, channels, types, alignment, size of the grid.
bool supports(CorrelationKernel kernel, const Correlation& call);

/// The fastest kernel that supports the call.
CorrelationKernel best_kernel(const Correlation& call);

/// Queues the call on the stream. The kernel must support it.
void correlate(const Correlation& call, CorrelationKernel kernel, void* stream);

}  // namespace flownet2::cuda
