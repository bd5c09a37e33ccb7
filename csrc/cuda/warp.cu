// SPDX-License-Identifier: Apache-2.0
// Backward bilinear warping (Caffe `FlowWarp`, mmflow `Warp`), planar float32.
//   out[n, c, y, x] = sum of the four neighbours of (x + u, y + v), in the order 00, 01, 10, 11
// A thread finds places and weights of one pixel, then uses them for all channels. That loop
// is not unrolled: nvcc then spills registers.
#include <flownet2/cuda/warp.hpp>

#include "cuda/sampling.cuh"
#include "cuda/values.cuh"
#include "ops/half_pixel.hpp"

namespace flownet2::cuda {
namespace {

constexpr const char* op = "warp";

struct WarpArguments {
  const float* x;
  const float* flow;
  float* out;
  std::int64_t c;
  int h, w;
  float scale_x, scale_y;
  bool border, align_corners, mask;
};

// ---- helpers

__device__ __forceinline__ SampleTaps taps_of(const WarpArguments& a, int x, int y, float u, float v) {
  if (a.align_corners) {
    return sample_taps(corner_point(x, u, a.w), corner_point(y, v, a.h), a.h, a.w, a.border);
  }
  const float at_x = (static_cast<float>(x) + u) * a.scale_x - 0.5f;
  const float at_y = (static_cast<float>(y) + v) * a.scale_y - 0.5f;
  return sample_taps(at_x, at_y, a.h, a.w, a.border);
}

// ---- kernels

__global__ void __launch_bounds__(threads_per_block) warp_kernel(WarpArguments a) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (x >= a.w || y >= a.h) return;
  const int plane = a.h * a.w;
  const int pixel = y * a.w + x;
  const std::int64_t n = blockIdx.z;
  const float* flow = a.flow + 2 * n * plane + pixel;
  SampleTaps taps = taps_of(a, x, y, __ldg(flow), __ldg(flow + plane));
  if (a.mask && !(taps.share > inside_share)) {
    CUH_UNROLL
    for (int k = 0; k < 4; ++k) taps.weight[k] *= 0.0f;
  }
  const float* from = a.x + n * a.c * plane;
  float* to = a.out + n * a.c * plane + pixel;
  CUH_NO_UNROLL
  for (std::int64_t c = 0; c < a.c; ++c, from += plane, to += plane) {
    float sum = 0.0f;
    CUH_UNROLL
    for (int k = 0; k < 4; ++k) {
      if (taps.place[k] >= 0) sum += taps.weight[k] * __ldg(from + taps.place[k]);
    }
    *to = sum;
  }
}

}  // namespace

// ---- launcher

void warp(const float* x, const float* flow, const Shape& shape, const WarpOptions& options, float* out,
          void* stream) {
  check_shape(op, "x", shape);
  check_shape(op, "flow", {shape.n, 2, shape.h, shape.w});
  check_pointer(op, "x", x, 4);
  check_pointer(op, "flow", flow, 4);
  check_pointer(op, "out", out, 4);
  if (shape.h * shape.w > most_pixels) fail(op, "a picture may have 2 ** 31 - 1 pixels at most");
  if (shape.n > most_blocks_yz || shape.h > 8 * most_blocks_yz) {
    fail(op, "a batch may have 65535 pictures at most, a picture 524280 rows");
  }
  const Launch l = over_image(op, shape.h, shape.w, shape.n);
  const WarpArguments arguments = {x,
                                   flow,
                                   out,
                                   shape.c,
                                   static_cast<int>(shape.h),
                                   static_cast<int>(shape.w),
                                   half_pixel_scale(shape.w),
                                   half_pixel_scale(shape.h),
                                   options.padding == Padding::border,
                                   options.align_corners,
                                   options.mask};
  CUH_LAUNCH((warp_kernel), blocks_of(l), threads_of(l), 0, stream_of(stream), arguments);
  check_launch(op);
}

}  // namespace flownet2::cuda
