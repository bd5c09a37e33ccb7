// SPDX-License-Identifier: Apache-2.0
// What the correlation kernels share.
#pragma once

#include <flownet2/cuda/correlation_args.hpp>

#include "cuda/elements.cuh"

namespace flownet2::cuda {

// The shape of the fast kernels: FlowNetC's. With stride 2 the columns of equal parity never meet the
// others: for x = 2 * i + p the sum is over b's columns 2 * (i + ix - 10) + p, so each parity of each
// pair of rows is a band of width 21 in (i, j), part of a plain product of matrices. Rows y, y + 2, ...
// share rows of b.
constexpr int kReach = 10, kSteps = 2 * kReach + 1, kStride = 2;

/// `at` is in elements of the output, which is float32 (`whole`) or of the input's type.
template <class In>
__device__ __forceinline__ void put_sum(const CorrelationArgs& a, int64_t at, float sum, bool whole) {
  const float value = leaky(sum * a.scale, a.slope);
  if (whole) {
    put(static_cast<float*>(a.out) + at, value);
  } else {
    put(static_cast<In*>(a.out) + at, value);
  }
}

/// Where picture n begins. Within a picture the fast kernels count pixels as int, which one wide
/// multiply-add turns into an address.
template <class T>
__device__ __forceinline__ T* picture(T* data, const CorrelationArgs& a, int n, int pitch) {
  return data + int64_t(n) * (a.h * a.w) * pitch;
}

/// One of 16 bytes of a pixel's channels into shared memory; zeros outside the picture.
template <class T>
__device__ __forceinline__ void copy16(void* dst, const T* picture, int pitch, const CorrelationArgs& a,
                                       int y, int x, int channel) {
  const bool inside = y >= 0 && y < a.h && x >= 0 && x < a.w;
  cuh::cp_async16(dst, picture + (inside ? int64_t(y * a.w + x) * pitch + channel : 0), inside);
}

}  // namespace flownet2::cuda
