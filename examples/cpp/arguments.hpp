// SPDX-License-Identifier: Apache-2.0
// The command line of an example.
#pragma once

#include <flownet2/flownet2.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

class Arguments {
 public:
  /// `valued` options take the word that follows, `flags` take none.
  Arguments(int count, char** words, const std::vector<std::string>& valued,
            const std::vector<std::string>& flags) {
    const auto has = [](const std::vector<std::string>& list, const std::string& word) {
      return std::find(list.begin(), list.end(), word) != list.end();
    };
    for (int i = 1; i < count; ++i) {
      const std::string word = words[i];
      if (has(valued, word)) {
        if (i + 1 == count) throw std::runtime_error(word + " needs a value; --help explains");
        options_[word] = words[++i];
      } else if (has(flags, word)) {
        options_[word] = "";
      } else if (word.size() > 1 && word[0] == '-') {
        throw std::runtime_error(word + " is no option; --help lists them");
      } else {
        files.push_back(word);
      }
    }
  }

  bool has(const std::string& option) const { return options_.count(option) != 0; }

  std::string text(const std::string& option, const std::string& otherwise) const {
    const auto found = options_.find(option);
    return found == options_.end() ? otherwise : found->second;
  }

  int number(const std::string& option, int otherwise) const {
    const auto found = options_.find(option);
    return found == options_.end() ? otherwise : parse(option, found->second);
  }

  /// From 1 to a million.
  static int parse(const std::string& option, const std::string& text) {
    const bool digits =
        !text.empty() && text.size() <= 7 &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const int value = digits ? std::stoi(text) : 0;
    if (value < 1 || value > 1000000) {
      throw std::runtime_error(option + ": a number from 1 to 1000000 is expected, not \"" + text +
                               "\"");
    }
    return value;
  }

  /// --bfloat16, --threads and --isa.
  flownet2::ModelOptions model_options() const {
    flownet2::ModelOptions options;
    if (has("--bfloat16")) options.precision = flownet2::Precision::bfloat16;
    options.threads = number("--threads", 0);
    options.isa = text("--isa", "");
    return options;
  }

  std::vector<std::string> files;

 private:
  std::map<std::string, std::string> options_;
};

inline bool asks_for_help(int count, char** words) {
  return std::any_of(words + 1, words + count,
                     [](const std::string& word) { return word == "--help" || word == "-h"; });
}

/// Runs a program: what it throws becomes one line on stderr and the exit code 1.
template <typename Program>
int guarded(Program program) {
  try {
    return program();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}

}  // namespace example
