// SPDX-License-Identifier: Apache-2.0
// Both pictures as the first convolutions and the links read them: NHWC, 8 channels a pixel, so that a
// pixel of either picture is one access.
//   out[n, y, x] = a0 a1 a2 0 b0 b1 b2 0, each the picture's value (/ 255 of a byte) - mean
// A thread makes one pixel.
#include <flownet2/cuda/pack.hpp>

#include "cuda/values.cuh"

namespace flownet2::cuda {
namespace {

// ---- helpers

/// value / 255 rounded once, for all bytes (the test tries them): a product, and one step that mends it.
__device__ __forceinline__ float unit_of(unsigned char value) {
  constexpr float inverse = 1.0f / 255.0f;
  const auto whole = static_cast<float>(value);
  const float near = whole * inverse;
  return fmaf(fmaf(-near, 255.0f, whole), inverse, near);
}
__device__ __forceinline__ float unit_of(float value) { return value; }

template <typename Value>
__device__ __forceinline__ void read_pixel(const Pictures& p, const void* picture, std::int64_t place,
                                           float* to) {
  CUH_UNROLL
  for (int c = 0; c < 3; ++c) {
    const std::int64_t channel = (p.reversed ? 2 - c : c) * p.channel_stride;
    to[c] = unit_of(__ldg(static_cast<const Value*>(picture) + place + channel)) - p.mean[c];
  }
  to[3] = 0.0f;
}

// ---- kernels

template <typename Value, typename T>
__global__ void __launch_bounds__(threads_per_block) pack_kernel(Pictures p, T* out) {
  const std::int64_t x = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (x >= p.w) return;
  const auto step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  const std::int64_t first = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
  for (std::int64_t n = blockIdx.z; n < p.n; n += gridDim.z) {
    for (std::int64_t y = first; y < p.h; y += step) {
      const std::int64_t place = n * p.image_stride + y * p.row_stride + x * p.column_stride;
      float values[8];
      read_pixel<Value>(p, p.first, place, values);
      read_pixel<Value>(p, p.second, place, values + 4);
      store(values, out + ((n * p.h + y) * p.w + x) * 8);
    }
  }
}

#if defined(__CUDACC_RTC__)
// NVRTC has no launches, which would say which kernels there are.
template __global__ void pack_kernel<unsigned char, float>(Pictures, float*);
template __global__ void pack_kernel<unsigned char, __half>(Pictures, __half*);
template __global__ void pack_kernel<unsigned char, __nv_bfloat16>(Pictures, __nv_bfloat16*);
template __global__ void pack_kernel<float, float>(Pictures, float*);
template __global__ void pack_kernel<float, __half>(Pictures, __half*);
template __global__ void pack_kernel<float, __nv_bfloat16>(Pictures, __nv_bfloat16*);
#endif

}  // namespace

#if !defined(__CUDACC_RTC__)

// ---- launcher

constexpr const char* op = "pack";

void pack(const Pictures& pictures, void* out, Number type, void* stream) {
  const Launch l = over_image(op, pictures.h, pictures.w, pictures.n);
  check_shape(op, "out", {pictures.n, 8, pictures.h, pictures.w});
  check_pointer(op, "first", pictures.first, pictures.bytes ? 1 : 4);
  check_pointer(op, "second", pictures.second, pictures.bytes ? 1 : 4);
  check_pointer(op, "out", out, 16);
  with_type(type, [&](auto to) {
    using T = typename decltype(to)::Type;
    if (pictures.bytes) {
      CUH_LAUNCH((pack_kernel<unsigned char, T>), blocks_of(l), threads_of(l), 0, stream_of(stream),
                 pictures, static_cast<T*>(out));
    } else {
      CUH_LAUNCH((pack_kernel<float, T>), blocks_of(l), threads_of(l), 0, stream_of(stream), pictures,
                 static_cast<T*>(out));
    }
  });
  check_launch(op);
}

#endif  // not NVRTC

}  // namespace flownet2::cuda
