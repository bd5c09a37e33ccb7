// SPDX-License-Identifier: Apache-2.0
// The steps between two networks of a stack in one pass over the output (networks/blocks.py `link`,
// networks/fusion.py `_input`): upsampling of the flow, warping of picture 2, difference, norm, concat.
//   error = sqrt(sum over c of (picture1[c] - warped[c]) ** 2)
// A thread makes one pixel: 16 channels in accesses of 16 bytes. Pixels are NHWC.
#include <flownet2/cuda/link.hpp>

#include "cuda/resampling.cuh"
#include "cuda/sampling.cuh"
#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

struct LinkArguments {
  const void* pair;
  void* out;
  QuarterFlow flow[2];
  int h, w;
  Padding padding;
  bool corners;
};

struct Pixel {
  std::int64_t n;
  int y, x;
};

// ---- helpers

__device__ __forceinline__ float2 raw_flow(const LinkArguments& a, const QuarterFlow& flow,
                                           std::int64_t n, int y, int x) {
  const std::int64_t place = n * (a.h / 4 * (a.w / 4)) + y * (a.w / 4) + x;
  return __ldg(reinterpret_cast<const float2*>(flow.data + place * flow.pitch));
}

__device__ __forceinline__ float2 upsampled_flow(const LinkArguments& a, const Pixel& at) {
  const Tap line = quadruple_tap(at.y, a.h / 4, a.corners);
  const Tap column = quadruple_tap(at.x, a.w / 4, a.corners);
  const QuarterFlow& flow = a.flow[0];
  const float2 v00 = raw_flow(a, flow, at.n, line.first, column.first);
  const float2 v01 = raw_flow(a, flow, at.n, line.first, column.second);
  const float2 v10 = raw_flow(a, flow, at.n, line.second, column.first);
  const float2 v11 = raw_flow(a, flow, at.n, line.second, column.second);
  return make_float2(blend(v00.x, v01.x, v10.x, v11.x, line, column),
                     blend(v00.y, v01.y, v10.y, v11.y, line, column));
}

/// Picture 2 at (x + u, y + v).
template <typename T>
__device__ __forceinline__ void warped_pixel(const LinkArguments& a, const Pixel& at, float u, float v,
                                             float (&warped)[3]) {
  const SampleTaps taps =
      sample_taps(corner_point(at.x, u, a.w), corner_point(at.y, v, a.h), a.h, a.w, a.padding, a.w, 1);
  const T* second = static_cast<const T*>(a.pair) + at.n * (a.h * a.w) * 8 + 4;
  CUH_UNROLL
  for (int c = 0; c < 3; ++c) warped[c] = 0.0f;
  CUH_UNROLL
  for (int k = 0; k < 4; ++k) {
    if (taps.place[k] == outside) continue;
    float tap[4];
    load<4>(second + taps.place[k] * 8, tap);
    CUH_UNROLL
    for (int c = 0; c < 3; ++c) warped[c] += taps.weight[k] * tap[c];
  }
}

/// `pixel`: both pictures'.
__device__ __forceinline__ float error_of(const float (&pixel)[8], const float (&warped)[3]) {
  float sum = 0.0f;
  CUH_UNROLL
  for (int c = 0; c < 3; ++c) {
    const float difference = pixel[c] - warped[c];
    sum += difference * difference;
  }
  return sqrtf(sum);
}

template <typename T>
__device__ __forceinline__ void stacked_pixel(const LinkArguments& a, const Pixel& at,
                                              std::int64_t place) {
  float pixel[8];
  float warped[3];
  load<8>(static_cast<const T*>(a.pair) + place * 8, pixel);
  const float2 flow = upsampled_flow(a, at);
  warped_pixel<T>(a, at, flow.x * a.flow[0].factor, flow.y * a.flow[0].factor, warped);
  const float low[8] = {pixel[0], pixel[1], pixel[2],  pixel[4],
                        pixel[5], pixel[6], warped[0], warped[1]};
  const float high[8] = {warped[2], flow.x, flow.y, error_of(pixel, warped), 0.0f, 0.0f, 0.0f, 0.0f};
  T* to = static_cast<T*>(a.out) + place * 16;
  store(low, to);
  store(high, to + 8);
}

template <typename T>
__device__ __forceinline__ void fusion_pixel(const LinkArguments& a, const Pixel& at,
                                             std::int64_t place) {
  float pixel[8];
  float2 flow[2];
  float length[2];
  float error[2];
  load<8>(static_cast<const T*>(a.pair) + place * 8, pixel);
  CUH_UNROLL
  for (int i = 0; i < 2; ++i) {
    const float2 raw = raw_flow(a, a.flow[i], at.n, at.y / 4, at.x / 4);
    flow[i] = make_float2(raw.x * a.flow[i].factor, raw.y * a.flow[i].factor);
    length[i] = sqrtf(flow[i].x * flow[i].x + flow[i].y * flow[i].y);
    float warped[3];
    warped_pixel<T>(a, at, flow[i].x, flow[i].y, warped);
    error[i] = error_of(pixel, warped);
  }
  const float low[8] = {pixel[0],  pixel[1],  pixel[2],  flow[0].x,
                        flow[0].y, flow[1].x, flow[1].y, length[0]};
  const float high[8] = {length[1], error[0], error[1], 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
  T* to = static_cast<T*>(a.out) + place * 16;
  store(low, to);
  store(high, to + 8);
}

// ---- kernels

template <typename T, bool Fusion>
__global__ void __launch_bounds__(threads_per_block, 4) link_kernel(LinkArguments a) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (x >= a.w || y >= a.h) return;
  const Pixel at = {blockIdx.z, y, x};
  const std::int64_t place = at.n * (a.h * a.w) + y * a.w + x;
  if (Fusion) {
    fusion_pixel<T>(a, at, place);
  } else {
    stacked_pixel<T>(a, at, place);
  }
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
template __global__ void link_kernel<float, false>(LinkArguments);
template __global__ void link_kernel<float, true>(LinkArguments);
template __global__ void link_kernel<__half, false>(LinkArguments);
template __global__ void link_kernel<__half, true>(LinkArguments);
template __global__ void link_kernel<__nv_bfloat16, false>(LinkArguments);
template __global__ void link_kernel<__nv_bfloat16, true>(LinkArguments);

#else

// ---- launcher

constexpr const char* op = "link";

void check_flow(const QuarterFlow& flow) {
  check_pointer(op, "flow", flow.data, 8);
  if (flow.pitch < 2 || flow.pitch % 2 != 0 || flow.pitch > 1 << 20) {
    fail(op, "the flow's pitch must be even and in 2..2 ** 20, got " + std::to_string(flow.pitch));
  }
}

LinkArguments arguments_of(const LinkPictures& p, void* out) {
  constexpr std::int64_t longest = 1 << 16;  // positions in the flow are countable in 32 bits
  check_shape(op, "pictures", {p.n, 16, p.h, p.w});
  if (p.h % 4 != 0 || p.w % 4 != 0 || std::max(p.h, p.w) > longest || p.h * p.w > most_pixels) {
    fail(op,
         "height and width must be multiples of 4, at most 65536, 2 ** 31 - 1 pixels together; got " +
             std::to_string(p.h) + ", " + std::to_string(p.w));
  }
  if (p.n > most_blocks_yz) fail(op, "a batch may have 65535 images at most");
  check_pointer(op, "pair", p.pair, 16);
  check_pointer(op, "out", out, 16);
  return {p.pair, out, {}, static_cast<int>(p.h), static_cast<int>(p.w), p.padding, false};
}

template <bool Fusion>
void launch_link(const LinkArguments& a, const LinkPictures& pictures, void* stream) {
  const Launch l = over_image(op, pictures.h, pictures.w, pictures.n);
  with_type(pictures.type, [&](auto element) {
    using T = typename decltype(element)::Type;
    CUH_LAUNCH((link_kernel<T, Fusion>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  });
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

void link(const LinkPictures& pictures, const QuarterFlow& flow, bool align_corners, void* out,
          void* stream) {
  LinkArguments a = arguments_of(pictures, out);
  check_flow(flow);
  a.flow[0] = flow;
  a.corners = align_corners;
  launch_link<false>(a, pictures, stream);
}

void fusion_link(const LinkPictures& pictures, const QuarterFlow& small, const QuarterFlow& stacked,
                 void* out, void* stream) {
  LinkArguments a = arguments_of(pictures, out);
  check_flow(small);
  check_flow(stacked);
  a.flow[0] = small;
  a.flow[1] = stacked;
  launch_link<true>(a, pictures, stream);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
