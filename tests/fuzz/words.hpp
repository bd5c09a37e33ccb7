// SPDX-License-Identifier: Apache-2.0
// Changes that keep a JSON text one: a word or number of it in the place of another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Letters, digits and dots between other characters.
struct Word {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool number = true;  // digits alone
};

inline std::vector<Word> words_of(const std::string& text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_word = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
  };
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_word(text[at])) continue;
    if (at == 0 || !is_word(text[at - 1])) words.push_back({at, at});
    words.back().end = at + 1;
    words.back().number = words.back().number && is_digit(text[at]);
  }
  return words;
}

/// Up to three changes: other sizes, other inputs of a node, other operators.
inline void replace_words(std::string& text, unsigned seed) {
  constexpr std::int64_t numbers[] = {0,  1,  2,  3,   4,    5,     7,     8,          15,        16,
                                      17, 31, 33, 255, 1023, 32768, 65536, 2147483647, 2147483648};
  std::minstd_rand random(seed);
  for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
    const std::vector<Word> words = words_of(text);
    if (words.empty()) return;
    const Word& old = words[random() % words.size()];
    const Word& other = words[random() % words.size()];
    std::string now = text.substr(other.begin, other.end - other.begin);
    if (old.number && (!other.number || random() % 4 != 0)) {
      now = std::to_string(numbers[random() % std::size(numbers)]);
    }
    text.replace(old.begin, old.end - old.begin, now);
  }
}

/// For a mutator to return.
inline std::size_t put(const std::string& bytes, std::uint8_t* data, std::size_t max_size) {
  const std::size_t length = std::min(bytes.size(), max_size);
  if (length > 0) std::memcpy(data, bytes.data(), length);
  return length;
}
