// SPDX-License-Identifier: Apache-2.0
// Length of the channel vector at each pixel (Caffe `ChannelNorm`), planar float32.
//   out[n, 0, y, x] = sqrt(sum over c of x[n, c, y, x] ** 2), no epsilon
// A thread computes one pixel: the loads of a warp are neighbours in each plane.
#include <flownet2/cuda/channel_norm.hpp>

#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

constexpr const char* op = "channel_norm";

// ---- kernels

__global__ void __launch_bounds__(threads_per_block)
    channel_norm_kernel(const float* x, std::int64_t n, std::int64_t c, std::int64_t plane, float* out) {
  const std::int64_t pixel = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (pixel >= plane) return;
  for (std::int64_t image = blockIdx.y; image < n; image += gridDim.y) {
    const float* from = x + image * c * plane + pixel;
    float sum = 0.0f;
    for (std::int64_t k = 0; k < c; ++k, from += plane) {
      const float value = __ldg(from);
      sum += value * value;
    }
    out[image * plane + pixel] = sqrtf(sum);
  }
}

}  // namespace

// ---- launcher

void channel_norm(const float* x, const Shape& shape, float* out, void* stream) {
  check_shape(op, "x", shape);
  check_pointer(op, "x", x, 4);
  check_pointer(op, "out", out, 4);
  const std::int64_t plane = shape.h * shape.w;
  const Launch launch = over_line(op, plane, shape.n);
  CUH_LAUNCH((channel_norm_kernel), blocks_of(launch), threads_of(launch), 0, stream_of(stream), x,
             shape.n, shape.c, plane, out);
  check_launch(op);
}

}  // namespace flownet2::cuda
