// SPDX-License-Identifier: Apache-2.0
// What a warp computes together: shuffles, votes, mma.m16n8k16, ldmatrix.
#pragma once

#include <tuple>
#include <type_traits>

#include "engine.hpp"
#include "half.hpp"

namespace cuh::detail {

enum { kShflIdx, kShflUp, kShflDown, kShflXor, kBallot, kSync, kMmaF16, kMmaBf16, kLdmatrix };

inline void Engine::resolve(Warp& w, Thread* t) {
  auto lane = [&](int l) -> Thread& { return threads_[w.first + l]; };
  const int kind = t->op.kind;
  if (kind <= kShflXor) {
    for (int l = 0; l < w.lanes; ++l) {
      if (!(t->op.mask >> l & 1)) continue;
      WarpOp& o = lane(l).op;
      const int width = o.width, base = l / width * width;
      int src = l;
      bool in_range = true;  // CUDA: out-of-range up/down/xor return the lane's own value
      if (kind == kShflIdx) src = base + (o.arg & (width - 1));
      if (kind == kShflUp) in_range = l - base >= o.arg, src = l - o.arg;
      if (kind == kShflDown) in_range = l - base + o.arg < width, src = l + o.arg;
      if (kind == kShflXor) {
        src = l ^ o.arg;
        in_range = src / width * width <= base;
      }
      if (!in_range) src = l;
      const bool live = src < w.lanes && t->op.mask >> src & 1;
      if (live)
        std::memcpy(o.out, lane(src).op.in, size_t(o.bytes));
      else
        std::memset(o.out, 0xff, size_t(o.bytes));  // undefined on the device: poison
    }
  } else if (kind == kBallot) {
    unsigned v = 0;
    for (int l = 0; l < w.lanes; ++l)
      if (t->op.mask >> l & 1 && lane(l).op.arg) v |= 1u << l;
    for (int l = 0; l < w.lanes; ++l)
      if (t->op.mask >> l & 1) std::memcpy(lane(l).op.out, &v, 4);
  } else if (kind == kMmaF16 || kind == kMmaBf16) {
    // PTX ISA, mma.m16n8k16 fragments: g = lane / 4, q = lane % 4
    float a[16][16], b[16][8];
    auto cvt = [&](uint32_t u, int hi) {
      const uint16_t h = uint16_t(hi ? u >> 16 : u);
      return kind == kMmaF16 ? f16_to_f32(h) : bf16_to_f32(h);
    };
    for (int l = 0; l < 32; ++l) {
      const int g = l / 4, q = l % 4;
      const uint32_t* ra = static_cast<const uint32_t*>(lane(l).op.p[0]);
      const uint32_t* rb = static_cast<const uint32_t*>(lane(l).op.p[1]);
      for (int h = 0; h < 2; ++h) {
        a[g][2 * q + h] = cvt(ra[0], h);
        a[g + 8][2 * q + h] = cvt(ra[1], h);
        a[g][2 * q + 8 + h] = cvt(ra[2], h);
        a[g + 8][2 * q + 8 + h] = cvt(ra[3], h);
        b[2 * q + h][g] = cvt(rb[0], h);
        b[2 * q + 8 + h][g] = cvt(rb[1], h);
      }
    }
    for (int l = 0; l < 32; ++l) {
      const int g = l / 4, q = l % 4;
      float* d = static_cast<float*>(lane(l).op.p[2]);
      for (int i = 0; i < 4; ++i) {
        const int row = g + 8 * (i / 2), col = 2 * q + i % 2;
        float s = d[i];
        for (int k = 0; k < 16; ++k) s += a[row][k] * b[k][col];
        d[i] = s;
      }
    }
    stats.mma++;
  } else if (kind == kLdmatrix) {
    for (int m = 0; m < 4; ++m) {
      // A phase reads 8 rows of 16 bytes: conflict-free when the 8 rows fall in 8 distinct 16-byte bank
      // groups.
      int hits[8] = {0}, worst = 0;
      for (int r = 0; r < 8; ++r) {
        const uintptr_t p = reinterpret_cast<uintptr_t>(lane(8 * m + r).op.p[0]);
        bool same = false;
        for (int s = 0; s < r; ++s) same |= reinterpret_cast<uintptr_t>(lane(8 * m + s).op.p[0]) == p;
        if (!same) worst = std::max(worst, ++hits[p / 16 % 8]);
      }
      stats.ldmatrix_phases += uint64_t(worst);
      for (int l = 0; l < 32; ++l) {
        const char* row = static_cast<const char*>(lane(8 * m + l / 4).op.p[0]);
        uint32_t* out = static_cast<uint32_t*>(lane(l).op.p[1]);
        std::memcpy(&out[m], row + 4 * (l % 4), 4);
      }
    }
    stats.ldmatrix++;
  }
}

template <class T>
inline T shfl(unsigned mask, T v, int arg, int width, int kind, const char* f, int line,
              const char* what) {
  static_assert(std::is_trivially_copyable<T>::value && sizeof(T) <= 16, "shuffle of a plain value");
  Ignore ignore;
  WarpOp& o = E().cur->op;
  o.mask = mask;
  o.kind = kind;
  o.arg = arg;
  o.width = width;
  o.bytes = int(sizeof(T));
  std::memcpy(o.in, &v, sizeof(T));
  E().warp_op(f, line, what);
  std::memcpy(&v, o.out, sizeof(T));
  return v;
}
inline unsigned vote(unsigned mask, int pred, int kind, const char* f, int line, const char* what) {
  Ignore ignore;
  WarpOp& o = E().cur->op;
  o.mask = mask;
  o.kind = kind;
  o.arg = pred;
  E().warp_op(f, line, what, kind == kSync);
  unsigned v;
  std::memcpy(&v, o.out, 4);
  return v;
}

}  // namespace cuh::detail
