// SPDX-License-Identifier: Apache-2.0
// A model file in memory: opened, then all its parameters read.
#include "fuzz.hpp"
#include "model/model_file.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  only_errors([&] {
    const flownet2::ModelFile file = flownet2::ModelFile::view(data, size);
    for (const flownet2::GraphParameter& parameter : file.graph.parameters) {
      only_errors([&] { file.parameter(parameter.name); });
    }
  });
  return 0;
}
