// SPDX-License-Identifier: Apache-2.0
// Kernels for the emulator's own tests: right ones, and the same with a mistake planted (bug != 0).
#pragma once

#include "cuda/device.cuh"

__global__ void k_reverse(const float* in, float* out, int bug) {  // needs one barrier
  CUH_SHARED(float, s, [128]);
  s[threadIdx.x] = in[blockIdx.x * 128 + threadIdx.x];
  if (bug == 0) __syncthreads();
  out[blockIdx.x * 128 + threadIdx.x] = s[127 - threadIdx.x];
}
__global__ void k_ring(float* out, int bug) {  // a loop that needs a second barrier (write after read)
  __shared__ float s[64];
  float v = float(threadIdx.x);
  for (int i = 0; i < 4; ++i) {
    s[threadIdx.x] = v;
    __syncthreads();
    v = s[(threadIdx.x + 1) % 64];
    if (bug == 0) __syncthreads();
  }
  out[threadIdx.x] = v;
}
__global__ void k_diverge(float* out, int bug) {
  if (bug == 1 && threadIdx.x < 16) return;  // some threads never come
  if (bug == 2) {
    if (threadIdx.x < 16)
      __syncthreads();  // two different barriers
    else
      __syncthreads();
  } else if (bug == 3) {
    if (threadIdx.x % 2) __syncthreads();  // half of them wait, the others finish
  } else if (bug == 4) {
    if (threadIdx.x != 5)
      out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);  // lane 5 is elsewhere
  } else if (bug == 5) {
    if (threadIdx.x < 16)
      out[threadIdx.x] = __shfl_down_sync(0xffff0000u, 1.0f, 1);  // not in its own mask
  }
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void k_shuffles(int* out) {
  const int l = int(threadIdx.x) % 32;
  int* o = out + threadIdx.x * 6;
  o[0] = __shfl_sync(0xffffffffu, l * 10, 7);
  o[1] = __shfl_up_sync(0xffffffffu, l, 3);
  o[2] = __shfl_down_sync(0xffffffffu, l, 3, 16);
  o[3] = __shfl_xor_sync(0xffffffffu, l, 5);
  o[4] = int(__ballot_sync(0xffffffffu, l % 3 == 0));
  o[5] = 0;
  if (l < 8) o[5] = __shfl_xor_sync(0x000000ffu, l, 1);  // a part of the warp
}
__global__ void k_uninit(float* out) {
  CUH_SHARED(float, s, [32]);
  if (threadIdx.x < 31) s[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
__global__ void k_oob(const float* in, float* out, int bug) {
  CUH_SHARED(float, s, [32]);
  s[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  if (bug == 1)
    out[threadIdx.x] = in[threadIdx.x + 1];  // one past the end, global read
  else if (bug == 2)
    out[threadIdx.x + 1] = 0;  // global write
  else if (bug == 3)
    out[threadIdx.x] = s[threadIdx.x + 1];  // shared read
  else if (bug == 4) {
    CUH_DYN_SHARED(float, d);
    d[threadIdx.x + 1] = 1;
  } else if (bug == 5)
    out[threadIdx.x] = reinterpret_cast<const float4*>(in + 1)[0].x;  // misaligned vector
  else
    out[threadIdx.x] = s[31 - threadIdx.x];
}
__global__ void k_cpasync(const float* in, float* out, int bug) {  // double-buffered stream of 8 chunks
  CUH_SHARED(float4, s, [2][32]);
  const float4* g = reinterpret_cast<const float4*>(in);
  cuh::cp_async16(&s[0][threadIdx.x], g + threadIdx.x, true);
  cuh::cp_async_commit();
  float sum = 0;
  for (int i = 0; i < 8; ++i) {
    if (bug == 2) {  // fills the stage the others may still read
      cuh::cp_async_wait<0>();
      __syncthreads();
      cuh::cp_async16(&s[0][threadIdx.x], g + (i + 1 < 8 ? i + 1 : 7) * 32 + threadIdx.x, true);
      cuh::cp_async_commit();
      sum += s[0][31 - threadIdx.x].x;
      continue;
    }
    cuh::cp_async16(&s[(i + 1) % 2][threadIdx.x], g + (i + 1 < 8 ? i + 1 : 7) * 32 + threadIdx.x,
                    i + 1 < 8);
    cuh::cp_async_commit();
    if (bug == 1)
      cuh::cp_async_wait<2>();  // waits for too little
    else
      cuh::cp_async_wait<1>();
    __syncthreads();
    sum += s[i % 2][31 - threadIdx.x].x;
    __syncthreads();
  }
  out[threadIdx.x] = sum;
}
__global__ void k_blockrace(float* out, int bug) {  // bug: every block writes the same element
  out[bug ? 0 : blockIdx.x] = float(blockIdx.x);
}
__global__ void k_mma(const __half* a, const __half* b, float* d) {  // one warp: d = a(16x16) * b(16x8)
  CUH_SHARED(__half, sa, [16][24]);  // rows 48 bytes apart: 16-byte aligned
  CUH_SHARED(__half, sb, [16][24]);  // b transposed: [n][k], rows 8..15 unused
  const int l = int(threadIdx.x);
  for (int i = l; i < 256; i += 32) sa[i / 16][i % 16] = a[i];
  for (int i = l; i < 256; i += 32)
    sb[i / 16][i % 16] = i / 16 < 8 ? b[(i % 16) * 8 + i / 16] : __half(0.0f);
  __syncwarp();
  uint32_t fa[4], fb[4];
  float acc[4] = {0, 0, 0, 0};
  cuh::ldmatrix_x4(fa, &sa[l % 16][l / 16 * 8]);
  cuh::ldmatrix_x4(fb, &sb[l % 8 + l / 16 * 8][l / 8 % 2 * 8]);
  cuh::mma_f16(acc, fa, fb[0], fb[1]);
  const int g = l / 4, q = l % 4;
  d[g * 8 + 2 * q] = acc[0];
  d[g * 8 + 2 * q + 1] = acc[1];
  d[(g + 8) * 8 + 2 * q] = acc[2];
  d[(g + 8) * 8 + 2 * q + 1] = acc[3];
}
__global__ void k_atomics(int* i, float* f) {
  atomicAdd(i, 1);
  atomicAdd(f, 0.5f);
}
