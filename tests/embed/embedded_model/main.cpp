// SPDX-License-Identifier: Apache-2.0
#include <flownet2/flownet2.hpp>

#include <cstdio>

extern "C" const unsigned char model_begin[], model_end[];

int main() {
  const flownet2::Model model(model_begin, static_cast<std::size_t>(model_end - model_begin));
  for (const auto& [key, value] : model.info().facts)
    std::printf("%s: %s\n", key.c_str(), value.c_str());
}
