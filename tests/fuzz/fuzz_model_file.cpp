// SPDX-License-Identifier: Apache-2.0
// A model file in memory: opened, then all its parameters read.
#include <string>

#include "fuzz.hpp"
#include "model/model_file.hpp"
#include "words.hpp"

/// Of three changes one exchanges words of the header and leaves its length right, and one is to the
/// data alone: others seldom leave a header that is read to its end.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  constexpr std::size_t length_bytes = 8;
  if (seed % 3 == 0 || size < length_bytes) return LLVMFuzzerMutate(data, size, max_size);
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | data[i];
  const std::size_t begin = length_bytes + std::min(length, size - length_bytes);
  if (seed % 3 == 1 && begin < max_size)
    return begin + LLVMFuzzerMutate(data + begin, size - begin, max_size - begin);
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string header = bytes.substr(length_bytes, begin - length_bytes);
  replace_words(header, seed);
  std::string result;
  for (std::size_t i = 0; i < length_bytes; ++i)
    result += static_cast<char>(header.size() >> 8 * i & 0xFF);
  return put(result + header + bytes.substr(begin), data, max_size);
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
