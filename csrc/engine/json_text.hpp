// SPDX-License-Identifier: Apache-2.0
// The tokens of a JSON text, one after the other; readers of documents decide what may follow what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flownet2 {

/// Text, and the place in it that is being read. Functions throw Error (invalid_argument) where the text
/// goes wrong.
class JsonText {
 public:
  struct Number {
    std::string_view text;
    std::optional<std::int64_t> exact;  // where it is written as an integer, and fits
  };

  /// `fault` begins the messages: "graph text is not valid JSON". Both texts must outlive this.
  JsonText(std::string_view text, std::string_view fault) : text_(text), fault_(fault) {}

  /// Throws; the message names the byte.
  [[noreturn]] void fail(const std::string& message) const;

  bool at_end() const { return at_ == text_.size(); }

  /// Steps over white space.
  void space();

  /// Steps over a character or a word, if it comes next.
  bool take(char c);
  bool take(std::string_view word);

  /// The text of a string, from behind its opening quote on.
  std::string string();

  Number number();

 private:
  /// The next character, 0 at the end of the text.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void escape(std::string& to);
  std::uint32_t unicode_escape();
  bool digits();

  std::string_view text_;
  std::string_view fault_;
  std::size_t at_ = 0;
};

}  // namespace flownet2
