// SPDX-License-Identifier: Apache-2.0
#include <flownet2/flownet2.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

// A grey picture, 320 x 240, of a pattern that stands `moved` pixels to the right.
std::vector<std::uint8_t> draw(int moved) {
  std::vector<std::uint8_t> grey;
  for (int y = 0; y < 240; ++y)
    for (int x = -moved; x < 320 - moved; ++x)
      grey.push_back(std::uint8_t(128 + 60 * std::sin(x / 7.0) * std::cos(y / 9.0) +
                                  60 * std::cos(x / 17.0 + y / 13.0)));
  return grey;
}

int main() {
  const flownet2::Model model("flownet2-lite.safetensors");
  const auto first = draw(0), second = draw(4);
  const flownet2::Flow flow =
      model.flow(flownet2::grey(first.data(), 240, 320), flownet2::grey(second.data(), 240, 320));
  std::printf("the middle moved by %.1f, %.1f pixels\n", flow.u(120, 160), flow.v(120, 160));
}
