// SPDX-License-Identifier: Apache-2.0
// The engine: one launch at a time, one block at a time, one fiber per thread of the block.
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "state.hpp"

namespace cuh::detail {

extern "C" char __start_cuh_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cuh_shared[] __attribute__((weak, visibility("hidden")));

class Engine {
 public:
  Thread* cur = nullptr;
  dim3 grid, block;
  uint3 bid{0, 0, 0};
  Stats stats;

  CUH_NO_TSAN static Engine& get() { return instance; }
  static Engine instance;

  // ---- called from the host
  void run(dim3 g, dim3 b, size_t dyn_bytes, void (*body)(void*), void* arg, const void* kernel,
           const char* name);

  void set_max_dynamic(const void* kernel, size_t bytes);

  // ---- called from a fiber
  void barrier(const char* file, int line, const char* what);
  int barrier_reduce(int pred, int kind, const char* file, int line, const char* what) {
    Ignore ignore;
    votes_ += pred != 0;
    barrier(file, line, what);
    return kind == 0 ? last_votes_ : kind == 1 ? last_votes_ == n_ : last_votes_ > 0;
  }

  // A lane arrives at a warp-wide operation. The last lane of the mask resolves it for everyone.
  // Only __syncwarp orders memory; shuffles and votes exchange registers (CUDA C guide), so only it
  // is an ordering to TSan.
  void warp_op(const char* file, int line, const char* what, bool orders_memory = false);

  void* shared_var(const void* key, size_t bytes);
  void* dyn_shared() {
    Ignore ignore;
    if (!dyn_) dyn_ = alloc_poisoned(dyn_bytes_ ? dyn_bytes_ : 1);
    return dyn_;
  }

  // A copy may land at once or as late as the wait that covers it: the first exposes a stage that is
  // overwritten too early, the second a read that comes before the wait.
  void cp_async(void* dst, const void* src, bool valid);
  void cp_async_commit() {
    Ignore ignore;
    cur->group++;
  }
  void cp_async_wait(int keep);

  [[noreturn]] void fail(Thread* t, const char* fmt, ...);

 private:
  std::mutex mutex_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<int> ready_;  // [ready_head_, end): threads that can run
  size_t ready_head_ = 0;
  Context host_;
  unsigned barrier_no_ = 0;
  int n_ = 0, done_ = 0, at_barrier_ = 0, votes_ = 0, last_votes_ = 0;
  void (*body_)(void*) = nullptr;
  void* arg_ = nullptr;
  const char* name_ = "";
  size_t dyn_bytes_ = 0, shared_bytes_ = 0;
  void* dyn_ = nullptr;
  std::vector<SharedVar> shared_;
  struct Body {  // what a thread of a block borrows: a stack, and its identity to TSan
    Stack stack;
    void* tsan = nullptr;
  };
  static Body new_body();
  std::vector<Body> bodies_;
  std::map<const void*, size_t> opt_in_;
  uint64_t seed_ = 1, rng_ = 1;
  bool env_read_ = false, allow_exited_ = false, failed_ = false;
  size_t arch_limit_ = 163 * 1024;
  std::string failure_;
  char barrier_tag_[2] = {0, 0}, start_tag_ = 0, end_tag_ = 0;  // addresses TSan orders on

  static uint64_t gcd(uint64_t a, uint64_t b) { return b ? gcd(b, a % b) : a; }
  uint64_t rnd() {  // xorshift64*
    rng_ ^= rng_ >> 12;
    rng_ ^= rng_ << 25;
    rng_ ^= rng_ >> 27;
    return rng_ * 0x2545F4914F6CDD1DULL >> 16;
  }

 public:
  void set_seed(uint64_t s) {
    read_env();
    seed_ = s;
    rng_ = s * 0x9E3779B97F4A7C15ULL + 0x1234567;
  }

 private:
  void read_env();
  [[noreturn]] static void fail_host(const char* name, const char* fmt, ...) {
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    std::vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    throw error(std::string("emulator: launch of ") + name + ": " + buf);
  }
  static void* alloc_poisoned(size_t bytes) {
    void* p = nullptr;
    if (posix_memalign(&p, 128, bytes)) throw std::bad_alloc();
    std::memset(p, 0xff, bytes);  // NaN in every floating type
    return p;
  }
  CUH_NO_SAN static void poison_static_shared() {
    if (!__start_cuh_shared) return;
    for (volatile char* p = __start_cuh_shared; p != __stop_cuh_shared; ++p) *p = char(0xff);
  }
  void check_shared();

  static void land(const PendingCopy& c) {
    void* dst = c.dst;
    const void* src = c.src;
    const bool valid = c.valid;
    Watch watch;  // TSan sees the issuing thread do the copy
    if (valid)
      std::memcpy(dst, src, 16);
    else
      std::memset(dst, 0, 16);
  }

  // ---- threads and stacks
  void prepare_threads();

  CUH_NO_SAN static void entry() {
    Engine& e = get();
#if CUH_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    e.thread_main();
  }
  CUH_NO_TSAN void thread_main();

  Thread*
  next() {  // the next thread to run, in random order; none when all wait or the block has failed
    if (failed_ || ready_head_ == ready_.size()) return nullptr;
    if (seed_)
      std::swap(ready_[ready_head_], ready_[ready_head_ + rnd() % (ready_.size() - ready_head_)]);
    return &threads_[ready_[ready_head_++]];
  }
  void yield() {  // straight to the next thread; to the host when there is none
    Thread* t = cur;
    Thread* n = next();
    if (n == t) return;
    cur = n;
    ++stats.switches;
    switch_to(t->ctx, n ? n->ctx : host_, false);
  }

  // ---- one block
  void make_ready(int i) {
    if (ready_head_ == ready_.size()) ready_.clear(), ready_head_ = 0;
    threads_[i].state = State::Ready;
    ready_.push_back(i);
  }
  void release_barrier();
  void diverged(const char* why);

  void run_block();

  // ---- what a completed warp rendezvous computes
  CUH_NO_SAN void resolve(Warp& w, Thread* t);
};

inline Engine Engine::instance;

CUH_NO_TSAN inline Engine& E() { return Engine::instance; }

}  // namespace cuh::detail
