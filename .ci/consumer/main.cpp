// SPDX-License-Identifier: Apache-2.0
// A program that takes the library from an installed wheel: the step `distribution` builds and runs it.
#include <flownet2/flownet2.h>
#include <flownet2/flownet2.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

int main(int argc, char** argv) try {
  if (argc != 2 || std::strcmp(flownet2_version(), FLOWNET2_VERSION) != 0) {
    std::fprintf(stderr, "usage: consumer MODEL; library %s, headers %s\n", flownet2_version(),
                 FLOWNET2_VERSION);
    return 2;
  }
  const flownet2::Model model(argv[1]);
  const std::vector<std::uint8_t> picture(3 * 50 * 70, 128);
  const flownet2::ImageView view = flownet2::interleaved(picture.data(), 50, 70);
  const flownet2::Flow flow = model.flow(view, view);
  std::printf("flownet2 %s, %s: %dx%d\n", flownet2_version(), model.info().network.c_str(),
              static_cast<int>(flow.width), static_cast<int>(flow.height));
  return 0;
} catch (const flownet2::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
