// SPDX-License-Identifier: Apache-2.0
#include <flownet2/flownet2.hpp>

#include <cstdio>
#include <vector>

int main(int, char** argv) {
  const std::int64_t height = 240, width = 320;
  std::vector<std::uint8_t> first(height * width), second(height * width);
  for (std::int64_t i = 0; i < height * width; ++i) {
    first[i] = static_cast<std::uint8_t>((i / 8 % 2) * 100 + i * i % 97);
  }
}
