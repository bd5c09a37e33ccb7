// SPDX-License-Identifier: Apache-2.0
// The one place where nvcc, NVRTC and the emulator of the tests meet. Kernels include this header and
// nothing of CUDA's own, launch with CUH_LAUNCH, declare shared memory with CUH_SHARED or
// CUH_DYN_SHARED, and hold no PTX: each instruction that C++ has no word for is a function here, one
// string, with a twin in the emulator.
//
//   nvcc, NVRTC                  CUDA C++ as it is
//   g++ with CUH_REAL_CUDA       host code beside nvcc's: the runtime's functions and types, no kernels
//   g++                          cuda_emulator.hpp, which only builds of tests have on the include path
//
// The PTX strings have been through ptxas, never through a GPU: compare them with the PTX ISA when in
// doubt.
#pragma once

#if !defined(__CUDACC__) && !defined(CUH_REAL_CUDA)

#include "cuda_emulator.hpp"

#else

#define CUH_EMULATED 0

#if defined(__CUDACC_RTC__)
using int32_t = int;
using uint16_t = unsigned short;
using uint32_t = unsigned;
using int64_t = long long;
using uint64_t = unsigned long long;
#else
#include <cstddef>
#include <cstdint>
#include <cuda_runtime.h>
#endif

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#define CUH_SHARED(T, name, ...) __shared__ T name __VA_ARGS__
#define CUH_DYN_SHARED(T, name)                                     \
  extern __shared__ __align__(128) unsigned char cuh_dyn_shared_[]; \
  T* name = reinterpret_cast<T*>(cuh_dyn_shared_)
#define CUH_UNROLL _Pragma("unroll")
#define CUH_NO_UNROLL _Pragma("unroll 1")

#if defined(__CUDACC__)
#define CUH_LAUNCH(kernel, grid, block, smem, stream, ...) \
  (kernel)<<<(grid), (block), (smem), (stream)>>>(__VA_ARGS__)

namespace cuh {

__device__ __forceinline__ unsigned smem_addr(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

/// 16 bytes from global to shared memory, asynchronously; zeros if not `valid` (src is then not read).
__device__ __forceinline__ void cp_async16(void* dst, const void* src, bool valid) {
  const int n = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(smem_addr(dst)), "l"(src), "r"(n)
               : "memory");
}
__device__ __forceinline__ void cp_async_commit() {
  asm volatile("cp.async.commit_group;\n" ::: "memory");
}
/// Waits until at most N of the groups committed are not there yet.
template <int N>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

/// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(smem_addr(row))
               : "memory");
}

/// d (16x8, float) += a (16x16, by rows) * b (16x8, by columns).
__device__ __forceinline__ void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                        uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                         uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace cuh
#endif  // __CUDACC__
#endif  // a real toolkit
