// SPDX-License-Identifier: Apache-2.0
// A moving scene without a camera: a smooth pattern that slides by a known number of pixels per frame.
#pragma once

#include <flownet2/flownet2.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace example {

constexpr double scene_u = 3;  // pixels to the right per frame
constexpr double scene_v = 1;  // pixels down per frame

/// Draws frame `number` into `rgb`, (H, W, 3).
inline void draw_scene(std::vector<std::uint8_t>& rgb, std::int64_t height, std::int64_t width,
                       int number) {
  std::size_t at = 0;
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      const double x = static_cast<double>(column) - scene_u * number;
      const double y = static_cast<double>(row) - scene_v * number;
      for (const double turn : {0.0, 0.7, 1.4}) {  // red, green, blue
        const double waves = std::sin(0.11 * x + 0.05 * y + turn) +
                             std::sin(0.17 * y - 0.03 * x + 2 * turn) +
                             std::sin(0.31 * x + 0.23 * y - turn) + std::sin(0.29 * x - 0.37 * y);
        rgb[at++] = static_cast<std::uint8_t>(127.5 + 31 * waves);
      }
    }
  }
}

}  // namespace example
