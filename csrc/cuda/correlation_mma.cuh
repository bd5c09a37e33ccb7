// SPDX-License-Identifier: Apache-2.0
// Correlation of halves on tensor cores, float32 sums: the band as products of 16 x 8 x 16. A block owns
// 16 columns of one parity in 4 rows, a warp for each row. A warp keeps its pixels of `a` in registers;
// rows of b stream through two stages of shared memory, and each serves every row of the block that sees
// it. 16 columns reach 36 of b, which is 5 tiles of 8: 336 of 640 products are of use.
#pragma once

#include "cuda/correlation_common.cuh"

namespace flownet2::cuda::mma {

constexpr int kRows = 4, kThreads = 32 * kRows, kColumns = 16, kTiles = 5, kWindow = 8 * kTiles;
constexpr int kSplits = 3;  // blocks that share the vertical displacements of one place

template <int C>
struct Layout {
  static_assert(C % 32 == 0, "two steps of 16 channels at a time");
  static constexpr int chunks = C / 8;      // 16 bytes each
  static constexpr int pitch = chunks | 1;  // of a pixel: odd, so no bank conflicts
  static constexpr int pixels = kRows * kColumns > 2 * kWindow ? kRows * kColumns : 2 * kWindow;
  static constexpr int band = kColumns * kSteps;  // floats of a warp
  static constexpr int shared = pixels * pitch * 16 + kRows * band * 4;
};

/// Which part of the output a block owns.
struct Place {
  int parity, i0;  // columns 2 * (i0 .. i0 + 15) + parity
  int y0;          // rows y0, y0 + 2, y0 + 4, y0 + 6
  int n, d0, d1;   // vertical displacements d0 .. d1 - 1
};

__device__ __forceinline__ Place place() {
  const int x = int(blockIdx.x), y = int(blockIdx.y), n = int(blockIdx.z) / kSplits,
            s = int(blockIdx.z) % kSplits;
  return {x % 2, x / 2 * kColumns,     y / 2 * 2 * kRows + y % 2,
          n,     s * kSteps / kSplits, (s + 1) * kSteps / kSplits};
}

/// d += a * b.
template <class In>
__device__ __forceinline__ void add_product(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                            uint32_t b1);
template <>
__device__ __forceinline__ void add_product<__half>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                                    uint32_t b1) {
  cuh::mma_f16(d, a, b0, b1);
}
template <>
__device__ __forceinline__ void add_product<__nv_bfloat16>(float (&d)[4], const uint32_t (&a)[4],
                                                           uint32_t b0, uint32_t b1) {
  cuh::mma_bf16(d, a, b0, b1);
}

/// Requests the block's pixels of `a`.
template <int C, class In>
__device__ __forceinline__ void fill_pixels(const CorrelationArgs& a, const Place& at, uint4* pixels) {
  using L = Layout<C>;
  const In* picture_a = picture(static_cast<const In*>(a.a), a, at.n, a.a_pitch);
  CUH_NO_UNROLL
  for (int t = int(threadIdx.x); t < kRows * kColumns * L::chunks; t += kThreads) {
    const int p = t / L::chunks, chunk = t % L::chunks;
    copy16(pixels + p * L::pitch + chunk, picture_a, a.a_pitch, a, at.y0 + 2 * (p / kColumns),
           2 * (at.i0 + p % kColumns) + at.parity, chunk * 8);
  }
}

/// Requests b's row y0 + 2 * (q - 10), columns i0 - 10 .. i0 + 29 of the block's parity.
template <int C, class In>
__device__ __forceinline__ void fill_window(const CorrelationArgs& a, const Place& at, uint4* stage,
                                            int q) {
  using L = Layout<C>;
  const In* picture_b = picture(static_cast<const In*>(a.b), a, at.n, a.b_pitch);
  CUH_NO_UNROLL
  for (int t = int(threadIdx.x); t < kWindow * L::chunks; t += kThreads) {
    const int p = t / L::chunks, chunk = t % L::chunks;
    copy16(stage + p * L::pitch + chunk, picture_b, a.b_pitch, a, at.y0 + 2 * (q - kReach),
           2 * (at.i0 + p - kReach) + at.parity, chunk * 8);
  }
}

/// 16 pixels of `a` by 40 of b; of the products those that lie in the band go to
/// band[column][displacement].
template <int C, class In>
__device__ __forceinline__ void multiply(const uint32_t (&pixels)[C / 16][4], const uint4* stage,
                                         float* band) {
  const int lane = int(threadIdx.x) % 32;
  float sums[kTiles][4];
  CUH_UNROLL
  for (int t = 0; t < kTiles; ++t) {
    CUH_UNROLL
    for (int e = 0; e < 4; ++e) sums[t][e] = 0;
  }
  CUH_UNROLL
  for (int k = 0; k < C / 32; ++k) {
    CUH_UNROLL
    for (int t = 0; t < kTiles; ++t) {
      uint32_t b[4];
      cuh::ldmatrix_x4(b, stage + (t * 8 + lane % 8) * Layout<C>::pitch + k * 4 + lane / 8);
      add_product<In>(sums[t], pixels[2 * k], b[0], b[1]);
      add_product<In>(sums[t], pixels[2 * k + 1], b[2], b[3]);
    }
  }
  CUH_UNROLL
  for (int t = 0; t < kTiles; ++t) {
    CUH_UNROLL
    for (int e = 0; e < 4; ++e) {
      const int i = lane / 4 + e / 2 * 8, d = t * 8 + lane % 4 * 2 + e % 2 - i;
      if (d >= 0 && d < kSteps) band[i * kSteps + d] = sums[t][e];
    }
  }
}

template <class In>
__device__ __forceinline__ void write(const CorrelationArgs& a, const Place& at, const float* band,
                                      int y, int step, bool whole) {
  if (y >= a.h) return;
  const int64_t first = int64_t(at.n) * (a.h * a.w) * a.out_pitch + step * kSteps;
  for (int t = int(threadIdx.x) % 32; t < kColumns * kSteps; t += 32) {
    const int x = 2 * (at.i0 + t / kSteps) + at.parity;
    if (x >= a.w) continue;
    put_sum<In>(a, first + int64_t(y * a.w + x) * a.out_pitch + t % kSteps, band[t], whole);
  }
}

/// The smallest number of blocks is there for ptxas, which does not know how much shared memory a launch
/// has: left alone it saves registers for more blocks than fit, and spills. For the same reason the
/// copies are not unrolled.
template <int C, class In>
__global__ void __launch_bounds__(kThreads, C > 128 ? 3 : 4) correlate(CorrelationArgs a, bool whole) {
  using L = Layout<C>;
  CUH_DYN_SHARED(uint4, memory);
  const Place at = place();
  const int lane = int(threadIdx.x) % 32, row = int(threadIdx.x) / 32;
  fill_pixels<C, In>(a, at, memory);
  cuh::cp_async_commit();
  cuh::cp_async_wait<0>();
  __syncthreads();
  uint32_t pixels[C / 16][4];
  CUH_UNROLL
  for (int k = 0; k < C / 16; ++k) {
    cuh::ldmatrix_x4(pixels[k], memory + (row * kColumns + lane % 16) * L::pitch + k * 2 + lane / 16);
  }
  __syncthreads();  // the stages lie where the pixels were

  float* band = reinterpret_cast<float*>(memory + L::pixels * L::pitch) + row * L::band;
  const int end = at.d1 + kRows - 1;
  fill_window<C, In>(a, at, memory + at.d0 % 2 * kWindow * L::pitch, at.d0);
  cuh::cp_async_commit();
  for (int q = at.d0; q < end; ++q) {
    if (q + 1 < end) fill_window<C, In>(a, at, memory + (q + 1) % 2 * kWindow * L::pitch, q + 1);
    cuh::cp_async_commit();  // the last one empty, so that the wait counts right
    cuh::cp_async_wait<1>();
    __syncthreads();
    const int step = q - row;
    if (step >= at.d0 && step < at.d1) {  // one answer for the whole warp
      multiply<C, In>(pixels, memory + q % 2 * kWindow * L::pitch, band);
      __syncwarp();
      write<In>(a, at, band, at.y0 + 2 * row, step, whole);
    }
    __syncthreads();  // the next fill overwrites this stage, the next product the band
  }
}

}  // namespace flownet2::cuda::mma
