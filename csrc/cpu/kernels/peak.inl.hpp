// SPDX-License-Identifier: Apache-2.0
// What the processor can compute at best: multiply-adds in registers alone, for calibration. Enough sums
// are independent that each instruction's latency hides behind the others; nothing is loaded or stored.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"
#include "cpu/unroll.hpp"

namespace flownet2 {
namespace {

// ---- helpers

/// 2 instructions a cycle times a latency of 4 (with separate addition: 6 to 8) need 8 (12 to 16); two
/// registers are for the operands, and two are left to the compiler.
constexpr int peak_sums = vec_registers - 4 < 16 ? vec_registers - 4 : 16;

/// Start values that all differ: equal sums would be computed once.
inline void start_sums(Vec* sums, int count) {
  FLOWNET2_UNROLL
  for (int i = 0; i < count; ++i) sums[i] = splat(1.0f + static_cast<float>(i));
}

inline float lanes_total(Vec sum) {
  float lanes[vec_width];
  store(lanes, sum);
  float total = 0.0f;
  for (float lane : lanes) total += lane;
  return total;
}

/// The result depends on every sum, so none can be left out.
inline float total_of(const Vec* sums, int count) {
  float total = 0.0f;
  FLOWNET2_UNROLL
  for (int i = 0; i < count; ++i) total += lanes_total(sums[i]);
  return total;
}

// ---- kernels

/// sum = sum * 0.5 + 1, which tends to 2: neither overflow nor denormals. The sum is multiplied, not a
/// constant, since the compiler would take that product out of the loop where FMA is two instructions.
float peak_fma_run(std::int64_t rounds) {
  const Vec half = splat(0.5f);
  const Vec one = splat(1.0f);
  Vec sums[peak_sums];
  start_sums(sums, peak_sums);
  for (std::int64_t round = 0; round < rounds; ++round) {
    FLOWNET2_UNROLL
    for (int i = 0; i < peak_sums; ++i) sums[i] = multiply_add(sums[i], half, one);
  }
  return total_of(sums, peak_sums);
}

constexpr PeakLoop peak_fma = {2.0 * vec_width * peak_sums, peak_fma_run};

#if defined(__AMX_BF16__) && defined(__AMX_TILE__)

/// The eight tiles: each 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Four tiles of sums, two by two. Whoever offers the table has asked the system for the tiles.
float peak_bf16_run(std::int64_t rounds) {
  constexpr std::uint16_t bfloat16_2_to_minus_10 = 0x3a80;
  std::uint16_t small[16 * 32];
  for (std::uint16_t& value : small) value = bfloat16_2_to_minus_10;
  const TileConfig ours;
  TileConfig before;  // the thread may hold a configuration of its own
  _tile_storeconfig(&before);
  _tile_loadconfig(&ours);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, small, 64);
  _tile_loadd(5, small, 64);
  _tile_loadd(6, small, 64);
  _tile_loadd(7, small, 64);
  for (std::int64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  float sums[16 * 16];
  _tile_stored(0, sums, 64);
  _tile_loadconfig(&before);
  return sums[0];
}

constexpr PeakLoop peak_bf16 = {4.0 * 2 * 16 * 16 * 32, peak_bf16_run};

#elif defined(__AVX512BF16__)

/// Every sum grows by 2 ** -19 a lane and round, until float32 has no digit for it.
float peak_bf16_run(std::int64_t rounds) {
  const __m512bh small = _mm512_cvtne2ps_pbh(splat(0x1p-10f), splat(0x1p-10f));
  Vec sums[peak_sums];
  start_sums(sums, peak_sums);
  for (std::int64_t round = 0; round < rounds; ++round) {
    FLOWNET2_UNROLL
    for (int i = 0; i < peak_sums; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], small, small);
  }
  return total_of(sums, peak_sums);
}

constexpr PeakLoop peak_bf16 = {2.0 * 2 * vec_width * peak_sums, peak_bf16_run};

#else

constexpr PeakLoop peak_bf16 = {0.0, nullptr};

#endif

}  // namespace
}  // namespace flownet2
