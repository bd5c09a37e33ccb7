// SPDX-License-Identifier: Apache-2.0
// Flow as a picture with Middlebury's colour wheel: hue is the direction, saturation the speed. The same
// computation as Python's flownet2.viz.flow_to_color, in the same precision step by step.
#pragma once

#include <flownet2/flownet2.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace example {

using Color = std::array<double, 3>;

/// The rim, 0 to 1: steps between red, yellow, green, cyan, blue and magenta.
inline std::vector<Color> color_wheel() {
  const int steps[] = {15, 6, 4, 11, 13, 6};
  const double corners[][3] = {{255, 0, 0},   {255, 255, 0}, {0, 255, 0},
                               {0, 255, 255}, {0, 0, 255},   {255, 0, 255}};
  std::vector<Color> wheel;
  for (std::size_t part = 0; part < 6; ++part) {
    const double* start = corners[part];
    const double* end = corners[(part + 1) % 6];
    for (int step = 0; step < steps[part]; ++step) {
      const double rise = std::floor(255.0 * step / steps[part]);
      Color color;
      for (std::size_t c = 0; c < 3; ++c) {
        const double sign = end[c] > start[c] ? 1 : end[c] < start[c] ? -1 : 0;
        color[c] = (start[c] + sign * rise) / 255.0;
      }
      wheel.push_back(color);
    }
  }
  return wheel;
}

inline float speed(float u, float v) { return std::sqrt(u * u + v * v); }

/// Unknown flow is not finite or huge, and black in the picture.
inline bool is_known(float u, float v) { return std::fabs(u) <= 1e9f && std::fabs(v) <= 1e9f; }

/// Of one vector, in shares of the fastest.
inline std::array<std::uint8_t, 3> vector_color(const std::vector<Color>& wheel, float u, float v) {
  const float radius = speed(u, v);
  const float angle = std::atan2(-v, -u) / 3.14159265f;
  const float position = (angle + 1.0f) / 2.0f * static_cast<float>(wheel.size() - 1);
  const auto lower = static_cast<std::size_t>(position);
  const double share = static_cast<double>(position) - static_cast<double>(lower);
  const Color& low = wheel[lower];
  const Color& high = wheel[(lower + 1) % wheel.size()];
  std::array<std::uint8_t, 3> color;
  for (std::size_t c = 0; c < 3; ++c) {
    const double rim = (1 - share) * low[c] + share * high[c];
    const double value = radius <= 1.0f ? 1 - static_cast<double>(radius) * (1 - rim) : rim * 0.75;
    color[c] = static_cast<std::uint8_t>(255 * value);
  }
  return color;
}

/// (H, W, 3) RGB. The fastest pixel has the full colour, but no less than half a pixel does.
inline std::vector<std::uint8_t> flow_to_color(const flownet2::Flow& flow) {
  const std::vector<Color> wheel = color_wheel();
  float fastest = 0.5f;
  for (std::size_t i = 0; i < flow.data.size(); i += 2) {
    const float u = flow.data[i];
    const float v = flow.data[i + 1];
    if (is_known(u, v)) fastest = std::max(fastest, speed(u, v));
  }
  const float scale = fastest + 1e-5f;  // keeps the fastest inside the wheel in spite of rounding
  std::vector<std::uint8_t> picture(flow.data.size() / 2 * 3);
  for (std::size_t i = 0; i < flow.data.size() / 2; ++i) {
    const float u = flow.data[2 * i];
    const float v = flow.data[2 * i + 1];
    if (!is_known(u, v)) continue;
    const std::array<std::uint8_t, 3> color = vector_color(wheel, u / scale, v / scale);
    std::copy(color.begin(), color.end(), picture.begin() + static_cast<std::ptrdiff_t>(3 * i));
  }
  return picture;
}

}  // namespace example
