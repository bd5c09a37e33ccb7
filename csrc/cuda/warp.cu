// SPDX-License-Identifier: Apache-2.0
// Backward bilinear warping (Caffe `FlowWarp`, mmflow `Warp`).
//   out[n, c, y, x] = sum of the four neighbours of (x + u, y + v), in the order 00, 01, 10, 11
// A thread finds places and weights of one pixel, then uses them for its channels. That loop
// is not unrolled: nvcc then spills registers.
#include <flownet2/cuda/warp.hpp>

#include "cuda/sampling.cuh"
#include "cuda/strided.cuh"

#if !defined(__CUDACC_RTC__)
#include "ops/half_pixel.hpp"
#endif

namespace flownet2::cuda {
namespace {

struct WarpArguments {
  ConstTensor x, flow;
  MutableTensor out;
  int row_step, column_step;  // the strides of x
  float scale_x, scale_y;
  Padding padding;
  bool align_corners, mask;
};

// ---- helpers

__device__ __forceinline__ SampleTaps taps_of(const WarpArguments& a, const Place& at, float u,
                                              float v) {
  const auto h = static_cast<int>(a.x.shape.h);
  const auto w = static_cast<int>(a.x.shape.w);
  float x = corner_point(at.x, u, w);
  float y = corner_point(at.y, v, h);
  if (!a.align_corners) {
    x = (static_cast<float>(at.x) + u) * a.scale_x - 0.5f;
    y = (static_cast<float>(at.y) + v) * a.scale_y - 0.5f;
  }
  return sample_taps(x, y, h, w, a.padding, a.row_step, a.column_step);
}

// ---- kernels

template <typename T>
__global__ void __launch_bounds__(threads_per_block) warp_kernel(WarpArguments a) {
  Place at;
  if (!find_place(a.out.shape, at)) return;
  const float* flow = static_cast<const float*>(a.flow.data) + offset_of(a.flow, at);
  SampleTaps taps = taps_of(a, at, __ldg(flow), __ldg(flow + a.flow.strides.c));
  if (a.mask && !(taps.share > inside_share)) {
    CUH_UNROLL
    for (int k = 0; k < 4; ++k) taps.weight[k] *= 0.0f;
  }
  const T* image = static_cast<const T*>(a.x.data) + at.n * a.x.strides.n;
  const std::int64_t to = offset_of(a.out, at);
  const auto channels = static_cast<int>(a.out.shape.c);
  CUH_NO_UNROLL
  for (int c = first_channel(); c < channels; c += channel_step()) {
    const T* from = image + c * a.x.strides.c;
    float sum = 0.0f;
    CUH_UNROLL
    for (int k = 0; k < 4; ++k) {
      if (taps.place[k] != outside) sum += taps.weight[k] * to_float(__ldg(from + taps.place[k]));
    }
    put_at(a.out, to + c * a.out.strides.c, sum);
  }
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
template __global__ void warp_kernel<float>(WarpArguments);
template __global__ void warp_kernel<__half>(WarpArguments);
template __global__ void warp_kernel<__nv_bfloat16>(WarpArguments);

#else

// ---- launcher

constexpr const char* op = "warp";

void check(const ConstTensor& x, const ConstTensor& flow, const MutableTensor& out) {
  check_tensor(op, "x", x);
  check_tensor(op, "flow", flow);
  check_result(op, x.shape, out);
  const Shape way = {x.shape.n, 2, x.shape.h, x.shape.w};
  if (flow.shape != way) {
    fail(op, "flow must be " + to_string(way) + ", got " + to_string(flow.shape));
  }
  if (flow.type != Number::float32) fail(op, "flow must be float32");
  if (reach_of(op, x.shape.h, x.strides.h) + reach_of(op, x.shape.w, x.strides.w) > most_pixels) {
    fail(op, "the elements of a plane of x may lie 2 ** 31 - 1 elements apart at most");
  }
}

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

void warp(const ConstTensor& x, const ConstTensor& flow, const WarpOptions& options,
          const MutableTensor& out, void* stream) {
  check(x, flow, out);
  const Launch l = over_tensor(op, out);
  const WarpArguments arguments = {x,
                                   flow,
                                   out,
                                   x.shape.h > 1 ? static_cast<int>(x.strides.h) : 0,
                                   x.shape.w > 1 ? static_cast<int>(x.strides.w) : 0,
                                   half_pixel_scale(x.shape.w),
                                   half_pixel_scale(x.shape.h),
                                   options.padding,
                                   options.align_corners,
                                   options.mask};
  with_type(x.type, [&](auto from) {
    using T = typename decltype(from)::Type;
    CUH_LAUNCH((warp_kernel<T>), blocks_of(l), threads_of(l), 0, stream_of(stream), arguments);
  });
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
