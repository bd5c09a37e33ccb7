// SPDX-License-Identifier: Apache-2.0
// Correlation: the plain kernel, and the launches of all three.
#include "cuda/correlation_mma.cuh"
#include "cuda/correlation_simt.cuh"

namespace flownet2::cuda::plain {

constexpr int kThreads = 256;

/// One thread for each output. Neighbours share the pixel of `a` and read neighbouring pixels of b.
template <class In>
__global__ void __launch_bounds__(kThreads) correlate(CorrelationArgs a, bool whole) {
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
    put_sum<In>(a, p * a.out_pitch + d, sum, whole);
  }
}

}  // namespace flownet2::cuda::plain

#if defined(__CUDACC_RTC__)
// NVRTC has no launches, which would say which kernels there are.
namespace flownet2::cuda {
template __global__ void plain::correlate<float>(CorrelationArgs, bool);
template __global__ void plain::correlate<__half>(CorrelationArgs, bool);
template __global__ void plain::correlate<__nv_bfloat16>(CorrelationArgs, bool);
template __global__ void mma::correlate<96, __half>(CorrelationArgs, bool);
template __global__ void mma::correlate<96, __nv_bfloat16>(CorrelationArgs, bool);
template __global__ void mma::correlate<256, __half>(CorrelationArgs, bool);
template __global__ void mma::correlate<256, __nv_bfloat16>(CorrelationArgs, bool);
}  // namespace flownet2::cuda
#else
#include <flownet2/cuda/correlation.hpp>

#include <algorithm>

#include "cuda/correlation_launch.hpp"
#include "cuda/values.cuh"

namespace flownet2::cuda {

namespace {

constexpr const char* op = "correlation";

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Blocks of `columns` columns and `rows` rows of one parity each.
LaunchShape tiles(std::int64_t h, std::int64_t w, int columns, int rows) {
  LaunchShape shape;
  shape.x = 2 * divide_up((w + 1) / 2, columns);
  shape.y = 2 * divide_up((h + 1) / 2, rows);
  return shape;
}

bool aligned_pixels(const void* data, std::int64_t pitch, std::int64_t size) {
  return aligned(data, 16) && pitch * size % 16 == 0;
}

template <class... Args>
void launch(void (*kernel)(Args...), const LaunchShape& shape, void* stream, Args... args) {
  if (shape.shared > 48 * 1024) {
    check_cuda(op,
               cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shape.shared));
  }
  const dim3 grid(unsigned(shape.x), unsigned(shape.y), unsigned(shape.z));
  CUH_LAUNCH(kernel, grid, dim3(unsigned(shape.threads)), std::size_t(shape.shared), stream_of(stream),
             args...);
  check_launch(op);
}

template <int C>
void launch_mma(const Correlation& call, void* stream) {
  const CorrelationArgs& a = call.args;
  const LaunchShape shape = mma_shape(a.n, a.h, a.w, C);
  with_type(call.in, [&](auto element) {
    using In = typename decltype(element)::Type;
    if constexpr (sizeof(In) == 2) {
      launch(mma::correlate<C, In>, shape, stream, a, call.out == Number::float32);
    }
  });
}

void launch_plain(const Correlation& call, void* stream) {
  const CorrelationArgs& a = call.args;
  const std::int64_t steps = 2 * std::int64_t(a.reach) + 1;
  const LaunchShape shape = plain_shape(std::int64_t(a.n) * a.h * a.w * steps * steps);
  with_type(call.in, [&](auto element) {
    using In = typename decltype(element)::Type;
    launch(plain::correlate<In>, shape, stream, a, call.out == Number::float32);
  });
}

/// What no kernel could read or write.
void check(const Correlation& call) {
  const CorrelationArgs& a = call.args;
  constexpr std::int64_t most_steps = 46340;  // whose square is an int
  if (std::min({a.n, a.h, a.w, a.c, a.stride}) < 1 || a.reach < 0) {
    fail(op, "sizes and stride must be at least 1, the reach at least 0");
  }
  if (std::int64_t(a.reach) * a.stride > 1 << 24) fail(op, "displacements may be 2 ** 24 at most");
  const std::int64_t steps = 2 * std::int64_t(a.reach) + 1;
  if (steps > most_steps || std::min(a.a_pitch, a.b_pitch) < a.c || a.out_pitch < steps * steps) {
    fail(op, "the pitches must hold " + std::to_string(a.c) + " channels of the inputs and " +
                 std::to_string(steps) + " ** 2 of the output");
  }
  check_pointer(op, "a", a.a, bytes_of(call.in));
  check_pointer(op, "b", a.b, bytes_of(call.in));
  check_pointer(op, "out", a.out, bytes_of(call.out));
  const std::int64_t pixels = checked_product(op, std::int64_t(a.n) * a.h, a.w);
  checked_product(op, pixels, 4 * std::int64_t(std::max({a.a_pitch, a.b_pitch, a.out_pitch})));
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
  if (call.out != call.in && call.out != Number::float32) return false;
  if (kernel == CorrelationKernel::plain) return true;
  const bool half = call.in != Number::float32;
  if (half != (kernel == CorrelationKernel::mma)) return false;
  if (a.reach != kReach || a.stride != kStride) return false;
  if (std::int64_t(a.h) * a.w > 0x7fffff00) return false;  // as are the pixels of a picture
  const std::int64_t size = bytes_of(call.in);
  if (!aligned_pixels(a.a, a.a_pitch, size) || !aligned_pixels(a.b, a.b_pitch, size)) return false;
  if (half) return (a.c == 256 || a.c == 96) && fits(mma_shape(a.n, a.h, a.w, a.c));
  return a.c > 0 && a.c % simt::kChunk == 0 && fits(simt_shape(a.n, a.h, a.w));
}

CorrelationKernel best_kernel(const Correlation& call) {
  for (const CorrelationKernel kernel : {CorrelationKernel::mma, CorrelationKernel::simt}) {
    if (supports(kernel, call)) return kernel;
  }
  return CorrelationKernel::plain;
}

void correlate(const Correlation& call, CorrelationKernel kernel, void* stream) {
  const CorrelationArgs& a = call.args;
  check(call);
  if (!supports(kernel, call))
    fail(op, "the kernel does not compute this call; best_kernel() names one");
  if (kernel == CorrelationKernel::plain) {
    launch_plain(call, stream);
  } else if (kernel == CorrelationKernel::simt) {
    launch(simt::correlate, simt_shape(a.n, a.h, a.w), stream, a);
  } else if (a.c == 96) {
    launch_mma<96>(call, stream);
  } else {
    launch_mma<256>(call, stream);
  }
}

}  // namespace flownet2::cuda
#endif  // not NVRTC
