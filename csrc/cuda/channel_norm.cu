// SPDX-License-Identifier: Apache-2.0
// Length of the channel vector at each pixel (Caffe `ChannelNorm`).
//   out[n, 0, y, x] = sqrt(sum over c of x[n, c, y, x] ** 2), no epsilon
// A thread computes one pixel: vectors are short here, 2 or 3 channels.
#include <flownet2/cuda/channel_norm.hpp>

#include "cuda/strided.cuh"

namespace flownet2::cuda {
namespace {

// ---- kernels

template <typename T>
__global__ void __launch_bounds__(threads_per_block)
    channel_norm_kernel(ConstTensor x, MutableTensor out) {
  Place place;
  if (!find_place(out.shape, place)) return;
  const T* from = static_cast<const T*>(x.data) + offset_of(x, place);
  float sum = 0.0f;
  for (std::int64_t k = 0; k < x.shape.c; ++k, from += x.strides.c) {
    const float value = to_float(__ldg(from));
    sum += value * value;
  }
  put_at(out, offset_of(out, place), sqrtf(sum));
}

#if defined(__CUDACC_RTC__)
// NVRTC has no launches, which would say which kernels there are.
template __global__ void channel_norm_kernel<float>(ConstTensor, MutableTensor);
template __global__ void channel_norm_kernel<__half>(ConstTensor, MutableTensor);
template __global__ void channel_norm_kernel<__nv_bfloat16>(ConstTensor, MutableTensor);
#endif

}  // namespace

#if !defined(__CUDACC_RTC__)

// ---- launcher

constexpr const char* op = "channel_norm";

void channel_norm(const ConstTensor& x, const MutableTensor& out, void* stream) {
  check_tensor(op, "x", x);
  check_result(op, {x.shape.n, 1, x.shape.h, x.shape.w}, out);
  const Launch l = over_tensor(op, out);
  with_type(x.type, [&](auto from) {
    using T = typename decltype(from)::Type;
    CUH_LAUNCH((channel_norm_kernel<T>), blocks_of(l), threads_of(l), 0, stream_of(stream), x, out);
  });
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
