// SPDX-License-Identifier: Apache-2.0
// float32 correlation without tensor cores. A block owns 32 columns of one parity in 4 rows (y0, y0 + 2,
// ...) and 3 consecutive vertical displacements: 12 warps, one for each (row, displacement). A lane
// holds 4 columns x 21 horizontal displacements for a quarter of the channels: 84 sums, fed by 28 vector
// loads per 4 channels.
//
// 12 warps are no free choice: 14 would put 4 of them on one quarter of a multiprocessor, which leaves
// 128 registers to a thread, and the sums spill (tests/cuda/static_bars.py holds the bar).
#pragma once

#include "cuda/correlation_common.cuh"

namespace flownet2::cuda::simt {

constexpr int kRows = 4, kGroup = 3, kWarps = kRows * kGroup, kThreads = 32 * kWarps;
constexpr int kColumns = 32, kWindow = kColumns + 2 * kReach;  // of a, of b
constexpr int kChunk = 16;                                     // channels of one stage
constexpr int kPitch = kChunk / 4 + 1;      // float4 per pixel: odd, so no bank conflicts
constexpr int kPixelsA = kRows * kColumns;  // of a stage
constexpr int kPixels = kPixelsA + (kRows + kGroup - 1) * kWindow;  // of a stage
constexpr int kStageBytes = kPixels * kPitch * 16, kSumBytes = kWarps * kColumns * kSteps * 4;
constexpr int kShared = 2 * kStageBytes > kSumBytes ? 2 * kStageBytes : kSumBytes;
static_assert(kSteps % kGroup == 0, "every block has all its displacements");

/// Which part of the output a block owns.
struct Place {
  int parity, i0;  // columns 2 * (i0 .. i0 + 31) + parity
  int y0;          // rows y0, y0 + 2, y0 + 4, y0 + 6
  int n, d0;       // vertical displacements d0 .. d0 + 2
};

__device__ __forceinline__ Place place() {
  const int x = int(blockIdx.x), y = int(blockIdx.y), z = int(blockIdx.z), groups = kSteps / kGroup;
  return {x % 2, x / 2 * kColumns, y / 2 * 2 * kRows + y % 2, z / groups, z % groups * kGroup};
}

/// Requests 16 channels of every pixel that the block needs.
__device__ __forceinline__ void fill(const CorrelationArgs& a, const Place& at, float4* stage, int c0) {
  const float* pa = picture(static_cast<const float*>(a.a), a, at.n, a.a_pitch);
  const float* pb = picture(static_cast<const float*>(a.b), a, at.n, a.b_pitch);
  for (int t = int(threadIdx.x); t < kPixels * (kChunk / 4); t += kThreads) {
    const int p = t / (kChunk / 4), quad = t % (kChunk / 4), q = p - kPixelsA;
    const bool first = q < 0;
    const int y = at.y0 + 2 * (first ? p / kColumns : q / kWindow + at.d0 - kReach);
    const int x = 2 * (at.i0 + (first ? p % kColumns : q % kWindow - kReach)) + at.parity;
    copy16(stage + p * kPitch + quad, first ? pa : pb, first ? a.a_pitch : a.b_pitch, a, y, x,
           c0 + 4 * quad);
  }
  cuh::cp_async_commit();
}

__device__ __forceinline__ float dot4(const float4& a, const float4& b, float s) {
  s = fmaf(a.x, b.x, s);
  s = fmaf(a.y, b.y, s);
  s = fmaf(a.z, b.z, s);
  return fmaf(a.w, b.w, s);
}

/// Adds the products of 4 pixels with the 24 that lie within their reach; sums[t][d] is column t at step
/// d.
__device__ __forceinline__ void multiply(const float4* pixels, const float4* window,
                                         float (&sums)[4][kSteps]) {
  float4 v[4];
  CUH_UNROLL
  for (int t = 0; t < 4; ++t) v[t] = pixels[t * kPitch];
  CUH_UNROLL
  for (int j = 0; j < 3 + kSteps; ++j) {
    const float4 b = window[j * kPitch];
    CUH_UNROLL
    for (int t = 0; t < 4; ++t) {
      if (j - t >= 0 && j - t < kSteps) sums[t][j - t] = dot4(v[t], b, sums[t][j - t]);
    }
  }
}

/// Adds the quarters of four neighbouring lanes: lane 4 * i + q ends up with column 4 * i + q.
__device__ __forceinline__ void add_quarters(const float (&sums)[4][kSteps], int quarter,
                                             float* column) {
  CUH_UNROLL
  for (int d = 0; d < kSteps; ++d) {
    float half[2];
    CUH_UNROLL
    for (int h = 0; h < 2; ++h) {
      const float even = sums[2 * h][d], odd = sums[2 * h + 1][d];
      half[h] = (quarter & 1 ? odd : even) + __shfl_xor_sync(0xffffffffu, quarter & 1 ? even : odd, 1);
    }
    column[d] = (quarter & 2 ? half[1] : half[0]) +
                __shfl_xor_sync(0xffffffffu, quarter & 2 ? half[0] : half[1], 2);
  }
}

/// Writes a warp's sums as runs of 21 channels, not one lane per pixel.
__device__ __forceinline__ void write(const CorrelationArgs& a, const Place& at, const float* sums,
                                      int row, int step) {
  const int y = at.y0 + 2 * row;
  float* out = picture(static_cast<float*>(a.out), a, at.n, a.out_pitch) + (at.d0 + step) * kSteps;
  for (int t = int(threadIdx.x) % 32; t < kColumns * kSteps; t += 32) {
    const int x = 2 * (at.i0 + t / kSteps) + at.parity;
    if (y < a.h && x < a.w) {
      put(out + int64_t(y * a.w + x) * a.out_pitch + t % kSteps, leaky(sums[t] * a.scale, a.slope));
    }
  }
}

__global__ void __launch_bounds__(kThreads) correlate(CorrelationArgs a) {
  CUH_DYN_SHARED(float4, memory);
  const Place at = place();
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  const int row = warp / kGroup, step = warp % kGroup, quarter = lane % 4, column = lane / 4 * 4;
  float sums[4][kSteps];
  CUH_UNROLL
  for (int t = 0; t < 4; ++t) {
    CUH_UNROLL
    for (int d = 0; d < kSteps; ++d) sums[t][d] = 0;
  }
  const int chunks = a.c / kChunk;
  fill(a, at, memory, 0);
  for (int c = 0; c < chunks; ++c) {
    if (c + 1 < chunks) {
      fill(a, at, memory + (c + 1) % 2 * kPixels * kPitch, (c + 1) * kChunk);
    } else {
      cuh::cp_async_commit();  // an empty group, so that the wait below counts right
    }
    cuh::cp_async_wait<1>();
    __syncthreads();
    const float4* stage = memory + c % 2 * kPixels * kPitch + quarter;
    multiply(stage + (row * kColumns + column) * kPitch,
             stage + (kPixelsA + (row + step) * kWindow + column) * kPitch, sums);
    __syncthreads();  // the next fill overwrites this stage
  }
  float* mine = reinterpret_cast<float*>(memory) + warp * kColumns * kSteps;
  add_quarters(sums, quarter, mine + lane * kSteps);
  __syncwarp();
  write(a, at, mine, row, step);
}

}  // namespace flownet2::cuda::simt
