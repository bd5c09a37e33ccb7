// SPDX-License-Identifier: Apache-2.0
// Resampling, as torch.nn.functional.interpolate.
//   nearest:  out[.., y, x] = x[.., y * H / height, x * W / width], rounded down
//   bilinear: the four neighbours of resampling.cuh, rows blended first
// A thread finds the neighbours of one pixel, then uses them for its channels.
#include <flownet2/cuda/resize.hpp>

#include "cuda/resampling.cuh"
#include "cuda/strided.cuh"

namespace flownet2::cuda {
namespace {

struct ResizeArguments {
  ConstTensor x;
  MutableTensor out;
  bool nearest, corners;
};

// ---- helpers

template <typename Index>
__device__ __forceinline__ Tap tap_of(const ResizeArguments& a, int i, std::int64_t in,
                                      std::int64_t out) {
  if (!a.nearest) {
    return bilinear_tap<Index>(i, static_cast<int>(in), static_cast<int>(out), a.corners);
  }
  const Index place = static_cast<Index>(i) * static_cast<Index>(in) / static_cast<Index>(out);
  return {static_cast<int>(place), static_cast<int>(place), 0.0f};
}

// ---- kernels

/// Index: what 2 * side * side fits into; divisions of 64 bits are slow.
template <typename Index, typename T>
__global__ void __launch_bounds__(threads_per_block) resize_kernel(ResizeArguments a) {
  Place at;
  if (!find_place(a.out.shape, at)) return;
  const Tap line = tap_of<Index>(a, at.y, a.x.shape.h, a.out.shape.h);
  const Tap column = tap_of<Index>(a, at.x, a.x.shape.w, a.out.shape.w);
  const T* image = static_cast<const T*>(a.x.data) + at.n * a.x.strides.n;
  const T* top = image + line.first * a.x.strides.h;
  const T* bottom = image + line.second * a.x.strides.h;
  const std::int64_t left = column.first * a.x.strides.w;
  const std::int64_t right = column.second * a.x.strides.w;
  const std::int64_t to = offset_of(a.out, at);
  const auto channels = static_cast<int>(a.out.shape.c);
  CUH_NO_UNROLL
  for (int c = first_channel(); c < channels; c += channel_step()) {
    const std::int64_t channel = c * a.x.strides.c;
    float value = to_float(__ldg(top + channel + left));
    if (!a.nearest) {
      value =
          blend(value, to_float(__ldg(top + channel + right)), to_float(__ldg(bottom + channel + left)),
                to_float(__ldg(bottom + channel + right)), line, column);
    }
    put_at(a.out, to + c * a.out.strides.c, value);
  }
}

#if defined(__CUDACC_RTC__)

// NVRTC has no launches, which would say which kernels there are.
template __global__ void resize_kernel<unsigned, float>(ResizeArguments);
template __global__ void resize_kernel<unsigned, __half>(ResizeArguments);
template __global__ void resize_kernel<unsigned, __nv_bfloat16>(ResizeArguments);
template __global__ void resize_kernel<unsigned long long, float>(ResizeArguments);
template __global__ void resize_kernel<unsigned long long, __half>(ResizeArguments);
template __global__ void resize_kernel<unsigned long long, __nv_bfloat16>(ResizeArguments);

#else

// ---- launcher

constexpr const char* op = "resize";

bool fits_32_bits(const Shape& in, const Shape& out) {
  constexpr std::int64_t most = 0xffffffff;
  return 2 * in.h * out.h <= most && 2 * in.w * out.w <= most;
}

template <typename Index>
void launch_resize(const ResizeArguments& a, void* stream) {
  const Launch l = over_tensor(op, a.out);
  with_type(a.x.type, [&](auto from) {
    using T = typename decltype(from)::Type;
    CUH_LAUNCH((resize_kernel<Index, T>), blocks_of(l), threads_of(l), 0, stream_of(stream), a);
  });
}

#endif  // not NVRTC

}  // namespace

#if !defined(__CUDACC_RTC__)

void resize(const ConstTensor& x, ResizeMode mode, bool align_corners, const MutableTensor& out,
            void* stream) {
  const bool nearest = mode == ResizeMode::nearest;
  if (nearest && align_corners) fail(op, "align_corners has no meaning for mode 'nearest'");
  check_tensor(op, "x", x);
  check_result(op, {x.shape.n, x.shape.c, out.shape.h, out.shape.w}, out);
  const ResizeArguments arguments = {x, out, nearest, align_corners};
  if (fits_32_bits(x.shape, out.shape)) {
    launch_resize<unsigned>(arguments, stream);
  } else {
    launch_resize<unsigned long long>(arguments, stream);
  }
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
