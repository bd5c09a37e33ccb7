// SPDX-License-Identifier: Apache-2.0
// Tensors that are read or written in whichever layout they have, by operators whose kernels want rows
// of one channel.
#pragma once

#include <flownet2/array_view.hpp>

#include <cstdint>

#include "cpu/blocked.hpp"
#include "cpu/kernel_table.hpp"

namespace flownet2 {

/// A planar tensor, or a blocked one where `planar` has no data.
struct EitherInput {
  ConstView planar;
  ConstBlocked blocked;

  bool is_planar() const { return planar.data != nullptr; }

  Shape shape() const {
    return is_planar() ? planar.shape : Shape{blocked.n(), blocked.c, blocked.h, blocked.w};
  }
};

struct EitherOutput {
  MutableView planar;
  MutableBlocked blocked;

  bool is_planar() const { return planar.data != nullptr; }
};

/// Pixels [x0, x1) of row y of image n, channel by channel: to[c * step + x - x0]. Writes whole groups
/// of 16 channels of a blocked tensor.
void take_pixels(const KernelTable& kernels, const EitherInput& from, std::int64_t n, std::int64_t y,
                 std::int64_t x0, std::int64_t x1, float* to, std::int64_t step);

/// Pixels [first, first + count) of group g of image n; rows[c][i] is channel c of pixel first + i, 0
/// where rows[c] is null.
void put_pixels(const KernelTable& kernels, const float* const* rows, std::int64_t n, std::int64_t g,
                std::int64_t first, std::int64_t count, const MutableBlocked& to);

}  // namespace flownet2
