// SPDX-License-Identifier: Apache-2.0
// A model file in memory: opened, then all its parameters read.
#include <string>

#include "fuzz.hpp"
#include "model/model_file.hpp"
#include "words.hpp"

/// Half of the changes exchange words of the header, and leave its length right.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  constexpr std::size_t length_bytes = 8;
  if (seed % 2 == 0 || size < length_bytes) return LLVMFuzzerMutate(data, size, max_size);
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | data[i];
  length = std::min(length, size - length_bytes);
  const std::string bytes(reinterpret_cast<const char*>(data) + length_bytes, size - length_bytes);
  std::string header = bytes.substr(0, length);
  replace_words(header, seed);
  std::string result;
  for (std::size_t i = 0; i < length_bytes; ++i)
    result += static_cast<char>(header.size() >> 8 * i & 0xFF);
  return put(result + header + bytes.substr(length), data, max_size);
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  only_errors([&] {
    const flownet2::ModelFile file = flownet2::ModelFile::view(data, size);
    for (const flownet2::GraphParameter& parameter : file.graph.parameters) {
      only_errors([&] { file.parameter(parameter.name); });
    }
  });
  return 0;
}
