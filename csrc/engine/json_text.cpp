// SPDX-License-Identifier: Apache-2.0
#include "engine/json_text.hpp"

#include <flownet2/error.hpp>

#include <charconv>
#include <system_error>

#include "engine/utf8.hpp"

namespace flownet2 {

void JsonText::fail(const std::string& message) const {
  throw Error(ErrorCode::invalid_argument,
              std::string(fault_) + ": byte " + std::to_string(at_) + ": " + message);
}

void JsonText::space() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool JsonText::take(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonText::take(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

std::string JsonText::string() {
  std::string result;
  for (;;) {
    if (at_end()) fail("a string does not end");
    const unsigned char c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      ++at_;
      return result;
    }
    if (c < 0x20) fail("a control character in a string");
    if (c == '\\') {
      ++at_;
      escape(result);
      continue;
    }
    const std::size_t length = utf8_length(text_.substr(at_));
    if (length == 0) fail("not UTF-8");
    result.append(text_.substr(at_, length));
    at_ += length;
  }
}

/// Behind the backslash.
void JsonText::escape(std::string& to) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const std::size_t which = at_ < text_.size() ? letters.find(text_[at_]) : letters.npos;
  if (which != letters.npos) {
    ++at_;
    to += meanings[which];
    return;
  }
  std::uint32_t code = unicode_escape();
  if (code >= 0xD800 && code < 0xDC00) {
    if (!take('\\')) fail("half of a surrogate pair");
    const std::uint32_t low = unicode_escape();
    if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code <= 0xDFFF) {
    fail("half of a surrogate pair");
  }
  append_utf8(code, to);
}

std::uint32_t JsonText::unicode_escape() {
  std::uint32_t code = 0;
  const std::string_view digits = text_.substr(at_, 5).substr(take('u') ? 1 : 0);
  const char* end = digits.data() + digits.size();
  if (digits.size() != 4) fail("unknown escape");
  if (std::from_chars(digits.data(), end, code, 16).ptr != end) fail("unknown escape");
  at_ += 4;
  return code;
}

bool JsonText::digits() {
  const std::size_t first = at_;
  while (peek() >= '0' && peek() <= '9') ++at_;
  return at_ > first;
}

JsonText::Number JsonText::number() {
  const std::size_t first = at_;
  take('-');
  if (!take('0') && !digits()) fail("expected a value");
  const bool integer = peek() != '.' && peek() != 'e' && peek() != 'E';
  if (take('.') && !digits()) fail("expected digits behind '.'");
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) fail("expected digits of an exponent");
  }
  const std::string_view text = text_.substr(first, at_ - first);
  std::int64_t exact = 0;
  if (integer && std::from_chars(text.data(), text.data() + text.size(), exact).ec == std::errc{}) {
    return {text, exact};
  }
  return {text, std::nullopt};
}

}  // namespace flownet2
