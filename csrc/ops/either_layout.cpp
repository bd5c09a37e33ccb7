// SPDX-License-Identifier: Apache-2.0
#include "ops/either_layout.hpp"

#include <algorithm>

namespace flownet2 {

void take_pixels(const KernelTable& kernels, const EitherInput& from, std::int64_t n, std::int64_t y,
                 std::int64_t x0, std::int64_t x1, float* to, std::int64_t step) {
  const Shape shape = from.shape();
  const std::int64_t first = y * shape.w + x0;
  if (from.is_planar()) {
    for (std::int64_t c = 0; c < shape.c; ++c) {
      std::copy_n(from.planar.plane(n, c) + first, x1 - x0, to + c * step);
    }
    return;
  }
  for (std::int64_t g = 0; g < blocks_of(shape.c); ++g, to += channel_block * step) {
    if (from.blocked.element == Element::float32) {
      const float* group = from.blocked.group<float>(n, g);
      kernels.take_channels(group + first * pixel_step<float>, x1 - x0, to, step);
    } else {
      const bfloat16* group = from.blocked.group<bfloat16>(n, g);
      kernels.take_channels_bfloat16(group + first * pixel_step<bfloat16>, x1 - x0, to, step);
    }
  }
}

void put_pixels(const KernelTable& kernels, const float* const* rows, std::int64_t n, std::int64_t g,
                std::int64_t first, std::int64_t count, const MutableBlocked& to) {
  if (to.element == Element::float32) {
    kernels.put_channels(rows, count, to.group<float>(n, g) + first * pixel_step<float>);
  } else {
    kernels.put_channels_bfloat16(rows, count, to.group<bfloat16>(n, g) + first * pixel_step<bfloat16>);
  }
}

}  // namespace flownet2
