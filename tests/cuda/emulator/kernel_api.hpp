// SPDX-License-Identifier: Apache-2.0
// What kernels and launchers write.
#pragma once

#include <cmath>
#include <tuple>

#include "runtime.hpp"
#include "warp.hpp"

namespace cuh {
namespace detail {

template <class... P>
struct Call {
  void (*fn)(P...);
  std::tuple<P...> args;
  static void invoke(void* self) {
    Call* c = static_cast<Call*>(self);
    std::apply(c->fn, c->args);
  }
};
template <class... P, class... A>
inline void launch(const char* name, void (*fn)(P...), dim3 g, dim3 b, size_t smem, cudaStream_t,
                   A&&... a) {
  Call<P...> c{fn, std::tuple<P...>(static_cast<P>(a)...)};
  E().run(g, b, smem, &Call<P...>::invoke, &c, reinterpret_cast<const void*>(fn), name);
}

}  // namespace detail

inline Stats& stats() { return detail::E().stats; }
inline void reset_stats() { detail::E().stats = Stats(); }
inline void set_seed(uint64_t s) { detail::E().set_seed(s); }

// ---- device primitives with a PTX twin above
inline void cp_async16(void* dst, const void* src, bool valid) { detail::E().cp_async(dst, src, valid); }
inline void cp_async_commit() { detail::E().cp_async_commit(); }
template <int N>
inline void cp_async_wait() {
  detail::E().cp_async_wait(N);
}

#define CUH_AT const char *f = __builtin_FILE(), int line = __builtin_LINE()
inline void ldmatrix_x4(uint32_t (&r)[4], const void* row, CUH_AT) {
  volatile const uint64_t* touch =
      static_cast<const uint64_t*>(row);  // the lane's own row, for ASan, TSan and UBSan
  (void)touch[0], (void)touch[1];
  detail::Ignore ignore;
  auto& e = detail::E();
  e.cur->site = {f, line, "ldmatrix"};
  if (reinterpret_cast<uintptr_t>(row) % 16) e.fail(e.cur, "row address is not 16-byte aligned");
  auto& o = e.cur->op;
  o.mask = 0xffffffffu;
  o.kind = detail::kLdmatrix;
  o.p[0] = const_cast<void*>(row);
  o.p[1] = r;
  e.warp_op(f, line, "ldmatrix");
}
inline void mma_(int kind, float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                 const char* f, int line) {
  detail::Ignore ignore;
  uint32_t b[2] = {b0, b1};
  auto& o = detail::E().cur->op;
  o.mask = 0xffffffffu;
  o.kind = kind;
  o.p[0] = const_cast<uint32_t*>(&a[0]);
  o.p[1] = b;
  o.p[2] = d;
  detail::E().warp_op(f, line, "mma");
}
inline void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, CUH_AT) {
  mma_(detail::kMmaF16, d, a, b0, b1, f, line);
}
inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, CUH_AT) {
  mma_(detail::kMmaBf16, d, a, b0, b1, f, line);
}
}  // namespace cuh

// ------------------------------------------------------------------ what kernels write
namespace cuh {
namespace detail {  // by value: the reads stay inside functions TSan does not instrument
CUH_NO_TSAN inline uint3 thread_idx() { return E().cur->tid; }
CUH_NO_TSAN inline uint3 block_idx() { return E().bid; }
CUH_NO_TSAN inline dim3 block_dim() { return E().block; }
CUH_NO_TSAN inline dim3 grid_dim() { return E().grid; }
}  // namespace detail
}  // namespace cuh
#define threadIdx (cuh::detail::thread_idx())
#define blockIdx (cuh::detail::block_idx())
#define blockDim (cuh::detail::block_dim())
#define gridDim (cuh::detail::grid_dim())
constexpr int warpSize = 32;

#define CUH_LAUNCH(kernel, grid_, block_, smem_, stream_, ...) \
  cuh::detail::launch(#kernel, kernel, grid_, block_, smem_, stream_, __VA_ARGS__)
#define CUH_SHARED(T, name, ...)                          \
  typedef T cuh_type_##name __VA_ARGS__;                  \
  static char cuh_key_##name;                             \
  cuh_type_##name& name = *static_cast<cuh_type_##name*>( \
      cuh::detail::E().shared_var(&cuh_key_##name, sizeof(cuh_type_##name)))
#define CUH_DYN_SHARED(T, name) T* name = static_cast<T*>(cuh::detail::E().dyn_shared())

inline void __syncthreads(CUH_AT) { cuh::detail::E().barrier(f, line, "__syncthreads"); }
inline int __syncthreads_count(int p, CUH_AT) {
  return cuh::detail::E().barrier_reduce(p, 0, f, line, "__syncthreads_count");
}
inline int __syncthreads_and(int p, CUH_AT) {
  return cuh::detail::E().barrier_reduce(p, 1, f, line, "__syncthreads_and");
}
inline int __syncthreads_or(int p, CUH_AT) {
  return cuh::detail::E().barrier_reduce(p, 2, f, line, "__syncthreads_or");
}
inline void __syncwarp(unsigned mask = 0xffffffffu, CUH_AT) {
  cuh::detail::vote(mask, 0, cuh::detail::kSync, f, line, "__syncwarp");
}
template <class T>
inline T __shfl_sync(unsigned m, T v, int src, int w = 32, CUH_AT) {
  return cuh::detail::shfl(m, v, src, w, cuh::detail::kShflIdx, f, line, "__shfl_sync");
}
template <class T>
inline T __shfl_up_sync(unsigned m, T v, int d, int w = 32, CUH_AT) {
  return cuh::detail::shfl(m, v, d, w, cuh::detail::kShflUp, f, line, "__shfl_up_sync");
}
template <class T>
inline T __shfl_down_sync(unsigned m, T v, int d, int w = 32, CUH_AT) {
  return cuh::detail::shfl(m, v, d, w, cuh::detail::kShflDown, f, line, "__shfl_down_sync");
}
template <class T>
inline T __shfl_xor_sync(unsigned m, T v, int x, int w = 32, CUH_AT) {
  return cuh::detail::shfl(m, v, x, w, cuh::detail::kShflXor, f, line, "__shfl_xor_sync");
}
inline unsigned __ballot_sync(unsigned m, int p, CUH_AT) {
  return cuh::detail::vote(m, p, cuh::detail::kBallot, f, line, "__ballot_sync");
}
inline int __any_sync(unsigned m, int p, CUH_AT) {
  return cuh::detail::vote(m, p, cuh::detail::kBallot, f, line, "__any_sync") != 0;
}
inline int __all_sync(unsigned m, int p, CUH_AT) {
  return cuh::detail::vote(m, p, cuh::detail::kBallot, f, line, "__all_sync") == m;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// Atomics: one OS thread, so plain code is atomic; builtins only to keep TSan informed.
template <class T>
inline T atomicAdd(T* p, T v) {
  if constexpr (std::is_integral<T>::value)
    return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
  else {
    T old, want;
    __atomic_load(p, &old, __ATOMIC_RELAXED);
    do want = old + v;
    while (!__atomic_compare_exchange(p, &old, &want, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
  }
}
template <class T>
inline T atomicExch(T* p, T v) {
  return __atomic_exchange_n(p, v, __ATOMIC_RELAXED);
}
template <class T>
inline T atomicCAS(T* p, T cmp, T v) {
  __atomic_compare_exchange_n(p, &cmp, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return cmp;
}
template <class T>
inline T atomicMax(T* p, T v) {
  T o = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (o < v && !__atomic_compare_exchange_n(p, &o, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return o;
}
template <class T>
inline T atomicMin(T* p, T v) {
  T o = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (v < o && !__atomic_compare_exchange_n(p, &o, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return o;
}

template <class T>
inline T __ldg(const T* p) {
  return *p;
}
template <class T>
inline T __ldcs(const T* p) {
  return *p;
}
template <class T>
inline void __stcs(T* p, T v) {
  *p = v;
}

#undef CUH_AT
