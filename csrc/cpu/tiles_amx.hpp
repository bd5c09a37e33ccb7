// SPDX-License-Identifier: Apache-2.0
// AMX's tile registers; the names are those of tiles_plain.hpp. A tile has up to 16 rows of 64 bytes.
#pragma once

#include <cstdint>

#include "cpu/tile_shapes.hpp"

namespace flownet2 {
namespace {

// Numbers of tiles are part of the instructions. The intrinsics of g++ take them as text, which a
// template argument is not.

inline void tile_configure(const TileShapes& shapes) { asm volatile("ldtilecfg %0" : : "m"(shapes)); }

/// Gives the registers back: the system need not save them.
inline void tile_release() { asm volatile("tilerelease"); }

/// Rows `step` words apart.
template <int Tile>
inline void tile_load(const float* from, std::int64_t step) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(step * 4), "i"(Tile) : "memory");
}

template <int Tile>
inline void tile_store(float* to, std::int64_t step) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(step * 4), "i"(Tile) : "memory");
}

/// Sums += a b: pairs of bfloat16, a (rows, 16) and b (16, columns); sums are float32.
template <int Sums, int A, int B>
inline void tile_product() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sums), "i"(A), "i"(B));
}

}  // namespace
}  // namespace flownet2
