// SPDX-License-Identifier: Apache-2.0
// Where threads meet: barriers, operations of a warp, cp.async; and what happens when one does not come.
#pragma once

#include "engine.hpp"

namespace cuh::detail {

inline void Engine::barrier(const char* file, int line, const char* what) {
  Ignore ignore;
  Thread* t = cur;
  t->site = {file, line, what};
  t->state = State::AtBarrier;
  ++at_barrier_;
  // Two tags in turn: a thread already at the next barrier must not order those still leaving this one.
  char* tag = &barrier_tag_[barrier_no_ & 1];
  tsan_release(tag);
  if (at_barrier_ + done_ == n_) release_barrier();
  yield();
  tsan_acquire(tag);
}

inline void Engine::warp_op(const char* file, int line, const char* what, bool orders_memory) {
  Thread* t = cur;
  Warp& w = warps_[t->linear / 32];
  const int lane = t->linear % 32;
  t->site = {file, line, what};
  if (!(t->op.mask >> lane & 1)) fail(t, "calling lane is not in its own mask 0x%08x", t->op.mask);
  t->state = State::AtWarp;
  w.waiting |= 1u << lane;
  char* tag = &w.tag[w.sync_no & 1];
  if (orders_memory) tsan_release(tag);
  const unsigned exist = w.lanes == 32 ? 0xffffffffu : (1u << w.lanes) - 1;
  if (t->op.mask & ~exist &&
      t->op.mask != 0xffffffffu)  // the usual full mask in a short last warp is fine
    fail(t, "mask 0x%08x names lanes the block does not have", t->op.mask);
  const unsigned want = t->op.mask & exist & ~(allow_exited_ ? w.returned : 0u);
  if (want & w.returned)
    fail(t, "mask 0x%08x names lanes that have already returned (0x%08x)", t->op.mask, w.returned);
  bool complete = (w.waiting & want) == want;
  for (int l = 0; complete && l < w.lanes; ++l)
    if (want >> l & 1) {
      const Thread& o = threads_[w.first + l];
      complete = o.op.mask == t->op.mask && o.site == t->site;
    }
  if (complete) {
    resolve(w, t);
    stats.warp_ops++;
    for (int l = 0; l < w.lanes; ++l)
      if (want >> l & 1) make_ready(w.first + l);
    w.waiting &= ~want;
    w.sync_no += orders_memory;
  }
  yield();
  if (orders_memory) tsan_acquire(tag);
}

inline void Engine::release_barrier() {
  const Site* s = nullptr;
  for (int i = 0; i < n_; ++i) {
    Thread& t = threads_[i];
    if (t.state != State::AtBarrier) continue;
    if (!s) s = &t.site;
    if (!(t.site == *s)) return diverged("threads wait at different barriers");
  }
  if (done_ && !allow_exited_) return diverged("some threads returned before the barrier");
  last_votes_ = votes_;
  votes_ = 0;
  at_barrier_ = 0;
  barrier_no_++;
  stats.barriers++;
  for (int i = 0; i < n_; ++i)
    if (threads_[i].state == State::AtBarrier) make_ready(i);
}

inline void Engine::diverged(const char* why) {
  std::map<std::string, std::pair<int, int>> at;
  for (int i = 0; i < n_; ++i) {
    Thread& t = threads_[i];
    std::string k = t.state == State::Done    ? "returned"
                    : t.state == State::Ready ? "running"
                                              : t.site.text();
    if (t.state == State::AtWarp) {
      char m[32];
      std::snprintf(m, sizeof m, " mask 0x%08x", t.op.mask);
      k += m;
    }
    auto& e = at.emplace(k, std::make_pair(0, i)).first->second;
    e.first++;
  }
  failure_ = std::string("emulator: ") + name_ + " block (" + std::to_string(bid.x) + "," +
             std::to_string(bid.y) + "," + std::to_string(bid.z) + "): divergence: " + why;
  for (auto& e : at)
    failure_ += "\n    " + std::to_string(e.second.first) +
                " threads (first: " + std::to_string(e.second.second) + ") " + e.first;
  failed_ = true;
}

[[noreturn]] inline void Engine::fail(Thread* t, const char* fmt, ...) {
  Ignore ignore;
  char buf[512];
  va_list ap;
  va_start(ap, fmt);
  std::vsnprintf(buf, sizeof buf, fmt, ap);
  va_end(ap);
  failure_ = std::string("emulator: ") + name_ + " block (" + std::to_string(bid.x) + "," +
             std::to_string(bid.y) + "," + std::to_string(bid.z) + ") thread (" +
             std::to_string(t->tid.x) + "," + std::to_string(t->tid.y) + "," + std::to_string(t->tid.z) +
             ") at " + t->site.text() + ": " + buf;
  failed_ = true;
  yield();
  std::abort();  // not reached: a failed block is never resumed
}

/// Not seen by TSan, for which it would be a call that never returns. And the last Ignore ends before
/// the switch: identities serve many blocks, and one left open would hide all that the later ones do.
CUH_NO_TSAN inline void Engine::thread_main() {
  tsan_acquire(&start_tag_);
  body_(arg_);
  cp_async_wait(0);
  tsan_release(&end_tag_);
  Context* from = &cur->ctx;
  Context* to = nullptr;
  {
    Ignore ignore;
    cur->state = State::Done;
    warps_[cur->linear / 32].returned |= 1u << cur->linear % 32;
    ++done_;
    if (at_barrier_ && at_barrier_ + done_ == n_) release_barrier();
    cur = next();
    ++stats.switches;
    to = cur ? &cur->ctx : &host_;
  }
  switch_to(*from, *to, true);
}

inline void Engine::cp_async(void* dst, const void* src, bool valid) {
  Ignore ignore;
  const PendingCopy c{dst, src, valid, cur->group};
  if (reinterpret_cast<uintptr_t>(dst) % 16 || (valid && reinterpret_cast<uintptr_t>(src) % 16))
    fail(cur, "cp.async of 16 bytes with a misaligned address");
  stats.cp_async_bytes += valid ? 16 : 0;
  if (seed_ && rnd() % 2)
    land(c);
  else
    cur->pending.push_back(c);
}

inline void Engine::cp_async_wait(int keep) {
  Ignore ignore;
  auto& q = cur->pending;
  size_t k = 0;
  for (size_t i = 0; i < q.size(); ++i) {
    if (q[i].group < cur->group - keep)
      land(q[i]);
    else
      q[k++] = q[i];
  }
  q.resize(k);
}

}  // namespace cuh::detail
