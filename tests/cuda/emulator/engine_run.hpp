// SPDX-License-Identifier: Apache-2.0
// A launch: its limits, its threads, its blocks in a random order.
#pragma once

#include "engine.hpp"

namespace cuh::detail {

inline void Engine::run(dim3 g, dim3 b, size_t dyn_bytes, void (*body)(void*), void* arg,
                        const void* kernel, const char* name) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (cur) throw error("emulator: launch from inside a kernel");
  read_env();
  const uint64_t nthreads = uint64_t(b.x) * b.y * b.z;
  if (nthreads == 0 || nthreads > 1024 || b.z > 64)
    fail_host(name, "block of %llu threads", (unsigned long long)nthreads);
  if (!g.x || !g.y || !g.z || g.y > 65535 || g.z > 65535 || g.x > 2147483647u)
    fail_host(name, "grid (%u,%u,%u) is out of limits", g.x, g.y, g.z);
  const auto it = opt_in_.find(kernel);
  const size_t dyn_limit = it == opt_in_.end() ? 48 * 1024 : it->second;
  if (dyn_bytes > dyn_limit)
    fail_host(name, "%zu bytes of dynamic shared memory, limit %zu: cudaFuncSetAttribute raises it",
              dyn_bytes, dyn_limit);
  grid = g;
  block = b;
  body_ = body;
  arg_ = arg;
  name_ = name;
  n_ = int(nthreads);
  dyn_bytes_ = dyn_bytes;
  prepare_threads();
  stats.launches++;
  // Blocks are independent: run them in a random order too (an affine walk keeps it O(1) in memory).
  const uint64_t nb = uint64_t(g.x) * g.y * g.z;
  uint64_t step = 1, at = 0;
  if (seed_ && nb > 2) {
    do step = 1 + rnd() % (nb - 1);
    while (gcd(step, nb) != 1);
    at = rnd() % nb;
  }
  for (uint64_t i = 0; i < nb; ++i, at = (at + step) % nb) {
    bid.x = unsigned(at % g.x);
    bid.y = unsigned(at / g.x % g.y);
    bid.z = unsigned(at / g.x / g.y);
    run_block();
  }
  tsan_acquire(
      &end_tag_);  // the host sees what the kernel wrote; the blocks stay unordered among themselves
}

inline void Engine::set_max_dynamic(const void* kernel, size_t bytes) {
  read_env();
  if (bytes > arch_limit_)
    throw error("cudaFuncSetAttribute: more shared memory than the architecture has");
  opt_in_[kernel] = bytes;
}

inline void Engine::read_env() {
  if (env_read_) return;
  env_read_ = true;
  const char* s = std::getenv("CUH_SEED");
  set_seed(s ? std::strtoull(s, nullptr, 0) : 1);
  s = std::getenv("CUH_ALLOW_EXITED");
  allow_exited_ = s && *s == '1';
  s = std::getenv("CUH_ARCH");
  const int a =
      s ? std::atoi(s) : 80;  // largest dynamic shared memory per block, CUDA C guide, table of limits
  arch_limit_ = 1024 * size_t(a == 75 ? 64 : a == 80 || a == 87 ? 163 : a == 90 || a == 100 ? 227 : 99);
}

inline Engine::Body Engine::new_body() {
  Body b;
  b.stack = new_stack();
#if CUH_TSAN
  b.tsan = __tsan_create_fiber(0);
#endif
  return b;
}

inline void Engine::prepare_threads() {
  if (int(threads_.size()) < n_) {
    std::vector<Thread>(n_).swap(threads_);
  }
  while (bodies_.size() < size_t(n_) + (CUH_TSAN ? 32 : 0)) bodies_.push_back(new_body());
  warps_.assign((n_ + 31) / 32, Warp());
  for (size_t w = 0; w < warps_.size(); ++w) {
    warps_[w].first = int(w) * 32;
    warps_[w].lanes = std::min(32, n_ - int(w) * 32);
  }
#if CUH_TSAN
  host_.tsan = __tsan_get_current_fiber();
#endif
#if CUH_ASAN
  host_.stack = host_stack();
#endif
}

inline void Engine::run_block() {
  Ignore ignore;
  stats.blocks++;
  stats.threads += n_;
  done_ = at_barrier_ = votes_ = 0;
  shared_bytes_ = 0;
  failed_ = false;
  poison_static_shared();
  stats.max_shared = std::max(stats.max_shared, dyn_bytes_);
  ready_.clear();
  ready_head_ = 0;
  for (auto& w : warps_) w.waiting = w.returned = 0;
#if CUH_TSAN
  // Hand the TSan identities out anew: thread i of two blocks must not look like one ordered thread.
  for (int i = 0; i < n_; ++i) std::swap(bodies_[i], bodies_[i + rnd() % (bodies_.size() - i)]);
  tsan_release(&start_tag_);
#endif
  for (int i = 0; i < n_; ++i) {
    Thread& t = threads_[i];
    t.ctx.stack = bodies_[i].stack;
    t.ctx.tsan = bodies_[i].tsan;
    t.linear = i;
    t.tid.x = unsigned(i) % block.x;
    t.tid.y = unsigned(i) / block.x % block.y;
    t.tid.z = unsigned(i) / block.x / block.y;
    t.group = 0;
    t.pending.clear();
    start(t.ctx, &Engine::entry);
    make_ready(i);
  }
  cur = next();
  ++stats.switches;
  switch_to(host_, cur->ctx, false);  // back here when no thread can run
  cur = nullptr;
  if (!failed_ && done_ != n_) diverged("no thread can go on");
  for (auto& v : shared_) std::free(v.ptr);
  shared_.clear();
  std::free(dyn_);
  dyn_ = nullptr;
#if CUH_TSAN
  // A thread that did not return is given up where it stands, and TSan would ignore what its successor
  // does.
  for (int i = 0; i < n_; ++i) {
    if (threads_[i].state == State::Done) continue;
    hand_over(bodies_[i].tsan, host_.tsan);
    bodies_[i] = new_body();
  }
#endif
  if (!failed_) return;
  tsan_acquire(&end_tag_);
  throw error(failure_);  // the block's fibers are given up; their stacks are reused
}

inline void Engine::check_shared() {
  const size_t total = shared_bytes_ + dyn_bytes_;
  stats.max_shared = std::max(stats.max_shared, total);
  if (shared_bytes_ > 48 * 1024)
    fail(cur, "%zu bytes of static shared memory (limit 48 KiB)", shared_bytes_);
  if (total > arch_limit_)
    fail(cur, "%zu bytes of shared memory, the architecture has %zu", total, arch_limit_);
}

inline void* Engine::shared_var(const void* key, size_t bytes) {
  Ignore ignore;
  for (auto& v : shared_)
    if (v.key == key) return v.ptr;
  shared_.push_back({key, alloc_poisoned(bytes), bytes});
  shared_bytes_ += bytes;
  check_shared();
  return shared_.back().ptr;
}

}  // namespace cuh::detail
