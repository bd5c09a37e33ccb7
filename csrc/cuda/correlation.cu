// SPDX-License-Identifier: Apache-2.0
// Correlation: the plain kernel, and the launches of all three.
#include "cuda/correlation_mma.cuh"
#include "cuda/correlation_simt.cuh"

namespace flownet2::cuda::plain {

constexpr int kThreads = 256;

/// One thread for each output. Neighbours share the pixel of `a` and read neighbouring pixels of b.
template <class In, class Out>
__global__ void __launch_bounds__(kThreads) correlate(CorrelationArgs a) {
  const int steps = 2 * a.reach + 1, outputs = steps * steps;
  const int64_t total = int64_t(a.n) * a.h * a.w * outputs, all = int64_t(gridDim.x) * kThreads;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + int(threadIdx.x); i < total; i += all) {
    const int64_t p = i / outputs;
    const int d = int(i - p * outputs), x = int(p % a.w);
    const int64_t row = p / a.w;
    const int dy = (d / steps - a.reach) * a.stride, dx = (d % steps - a.reach) * a.stride;
    const int y = int(row % a.h) + dy;
    float sum = 0;
    if (y >= 0 && y < a.h && x + dx >= 0 && x + dx < a.w) {
      const In* pa = static_cast<const In*>(a.a) + p * a.a_pitch;
      const In* pb = static_cast<const In*>(a.b) + (p + int64_t(dy) * a.w + dx) * a.b_pitch;
      for (int c = 0; c < a.c; ++c) sum = fmaf(load(pa + c), load(pb + c), sum);
    }
    store(static_cast<Out*>(a.out) + p * a.out_pitch + d, leaky(sum * a.scale, a.slope));
  }
}

}  // namespace flownet2::cuda::plain

#if defined(__CUDACC_RTC__)
// NVRTC has no launches, which would say which kernels there are.
namespace flownet2::cuda {
template __global__ void plain::correlate<float, float>(CorrelationArgs);
template __global__ void plain::correlate<__half, float>(CorrelationArgs);
template __global__ void plain::correlate<__half, __half>(CorrelationArgs);
template __global__ void mma::correlate<96, float>(CorrelationArgs);
template __global__ void mma::correlate<96, __half>(CorrelationArgs);
template __global__ void mma::correlate<256, float>(CorrelationArgs);
template __global__ void mma::correlate<256, __half>(CorrelationArgs);
}  // namespace flownet2::cuda
#else
#include <algorithm>

#include "cuda/correlation.hpp"

namespace flownet2::cuda {

namespace {

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Blocks of `columns` columns and `rows` rows of one parity each.
LaunchShape tiles(std::int64_t h, std::int64_t w, int columns, int rows) {
  LaunchShape shape;
  shape.x = 2 * divide_up((w + 1) / 2, columns);
  shape.y = 2 * divide_up((h + 1) / 2, rows);
  return shape;
}

bool aligned(const void* data, std::int64_t pitch, int size) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && pitch * size % 16 == 0;
}

template <class... Args>
cudaError_t launch(void (*kernel)(Args...), const LaunchShape& shape, cudaStream_t stream,
                   Args... args) {
  if (shape.shared > 48 * 1024) {
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shape.shared);
    if (error != cudaSuccess) return error;
  }
  const dim3 grid(unsigned(shape.x), unsigned(shape.y), unsigned(shape.z));
  CUH_LAUNCH(kernel, grid, dim3(unsigned(shape.threads)), std::size_t(shape.shared), stream, args...);
  return cudaGetLastError();  // and forget it: it must not fail the next launch
}

template <int C>
cudaError_t launch_mma(const Correlation& call, cudaStream_t stream) {
  const CorrelationArgs& a = call.args;
  const LaunchShape shape = mma_shape(a.n, a.h, a.w, C);
  return call.out == Element::float16 ? launch(mma::correlate<C, __half>, shape, stream, a)
                                      : launch(mma::correlate<C, float>, shape, stream, a);
}

cudaError_t launch_plain(const Correlation& call, cudaStream_t stream) {
  const CorrelationArgs& a = call.args;
  const std::int64_t steps = 2 * std::int64_t(a.reach) + 1;
  const LaunchShape shape = plain_shape(std::int64_t(a.n) * a.h * a.w * steps * steps);
  if (call.in == Element::float32) return launch(plain::correlate<float, float>, shape, stream, a);
  return call.out == Element::float16 ? launch(plain::correlate<__half, __half>, shape, stream, a)
                                      : launch(plain::correlate<__half, float>, shape, stream, a);
}

}  // namespace

LaunchShape simt_shape(std::int64_t n, std::int64_t h, std::int64_t w) {
  LaunchShape shape = tiles(h, w, simt::kColumns, simt::kRows);
  shape.z = n * (kSteps / simt::kGroup);
  shape.threads = simt::kThreads;
  shape.shared = simt::kShared;
  return shape;
}

LaunchShape mma_shape(std::int64_t n, std::int64_t h, std::int64_t w, int channels) {
  LaunchShape shape = tiles(h, w, mma::kColumns, mma::kRows);
  shape.z = n * mma::kSplits;
  shape.threads = mma::kThreads;
  shape.shared = channels == 96 ? mma::Layout<96>::shared : mma::Layout<256>::shared;
  return shape;
}

LaunchShape plain_shape(std::int64_t outputs) {
  LaunchShape shape;
  shape.x = std::min<std::int64_t>(divide_up(outputs, plain::kThreads), 1 << 20);
  shape.threads = plain::kThreads;
  return shape;
}

bool fits(const LaunchShape& shape) {
  return shape.x > 0 && shape.y > 0 && shape.z > 0 && shape.x <= 0x7fffffff && shape.y <= 65535 &&
         shape.z <= 65535;
}

bool supports(CorrelationKernel kernel, const Correlation& call) {
  const CorrelationArgs& a = call.args;
  if (a.h > 0x3fffff00 || a.w > 0x3fffff00) return false;  // rows and columns beyond the picture are int
  if (kernel == CorrelationKernel::plain)
    return call.in == Element::float16 || call.out == Element::float32;
  const bool half = call.in == Element::float16, wants_half = kernel == CorrelationKernel::mma;
  const int size = half ? 2 : 4;
  if (half != wants_half || (!half && call.out != Element::float32)) return false;
  if (a.reach != kReach || a.stride != kStride) return false;
  if (std::int64_t(a.h) * a.w > 0x7fffff00) return false;  // as are the pixels of a picture
  if (!aligned(a.a, a.a_pitch, size) || !aligned(a.b, a.b_pitch, size)) return false;
  if (half) return (a.c == 256 || a.c == 96) && fits(mma_shape(a.n, a.h, a.w, a.c));
  return a.c > 0 && a.c % simt::kChunk == 0 && fits(simt_shape(a.n, a.h, a.w));
}

CorrelationKernel best_kernel(const Correlation& call) {
  for (const CorrelationKernel kernel : {CorrelationKernel::mma, CorrelationKernel::simt}) {
    if (supports(kernel, call)) return kernel;
  }
  return CorrelationKernel::plain;
}

cudaError_t correlate(const Correlation& call, CorrelationKernel kernel, cudaStream_t stream) {
  const CorrelationArgs& a = call.args;
  if (a.n == 0 || a.h == 0 || a.w == 0) return cudaSuccess;
  if (!supports(kernel, call)) return cudaErrorInvalidValue;
  switch (kernel) {
    case CorrelationKernel::simt:
      return launch(simt::correlate, simt_shape(a.n, a.h, a.w), stream, a);
    case CorrelationKernel::mma:
      return a.c == 96 ? launch_mma<96>(call, stream) : launch_mma<256>(call, stream);
    case CorrelationKernel::plain:
      return launch_plain(call, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace flownet2::cuda
#endif  // not NVRTC
