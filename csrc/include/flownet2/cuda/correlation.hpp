// SPDX-License-Identifier: Apache-2.0
// Correlation on the GPU. Everything here is for the host; device memory is named by plain pointers.
#pragma once

#include <flownet2/cuda/correlation_args.hpp>
#include <flownet2/cuda/number.hpp>
#include <flownet2/export.h>

namespace flownet2::cuda {

/// simt: float32, 21 x 21 displacements in steps of 2. mma: float16 or bfloat16, the same, on tensor
/// cores. plain: any displacement, stride, number of channels and place in memory. Sums are float32.
enum class CorrelationKernel { plain, simt, mma };

struct Correlation {
  CorrelationArgs args;
  Number in = Number::float32;
  Number out = Number::float32;  // or as `in`
};

/// Whether the kernel computes this call: displacements, channels, types, alignment, size of the grid.
FLOWNET2_API bool supports(CorrelationKernel kernel, const Correlation& call);

/// The fastest kernel that supports the call.
FLOWNET2_API CorrelationKernel best_kernel(const Correlation& call);

/// Queues the call on the stream. The kernel must support it.
FLOWNET2_API void correlate(const Correlation& call, CorrelationKernel kernel, void* stream);

}  // namespace flownet2::cuda
