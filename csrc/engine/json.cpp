// SPDX-License-Identifier: Apache-2.0
#include "engine/json.hpp"

#include <flownet2/error.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <unordered_set>
#include <utility>

#include "engine/utf8.hpp"

namespace flownet2 {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json document() {
    Json result = value(0);
    space();
    if (at_ != text_.size()) fail("the text goes on behind its value");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::invalid_argument,
                "graph text is not valid JSON: byte " + std::to_string(at_) + ": " + message);
  }

  void space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  /// The next character, 0 at the end of the text.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Json value(int depth) {
    if (depth > json_max_depth) fail("nested deeper than " + std::to_string(json_max_depth));
    space();
    if (take('{')) return {object(depth)};
    if (take('[')) return {array(depth)};
    if (take('"')) return {string()};
    if (take("true")) return {true};
    if (take("false")) return {false};
    if (take("null")) return {nullptr};
    return number();
  }

  Json::Object object(int depth) {
    Json::Object members;
    std::unordered_set<std::string> keys;
    space();
    if (take('}')) return members;
    do {
      space();
      if (!take('"')) fail("expected a field's name in double quotes");
      std::string key = string();
      if (!keys.insert(key).second) fail("a field stands twice in one object");
      space();
      if (!take(':')) fail("expected ':'");
      members.push_back({std::move(key), value(depth + 1)});
      space();
    } while (take(','));
    if (!take('}')) fail("expected ',' or '}'");
    return members;
  }

  Json::Array array(int depth) {
    Json::Array items;
    space();
    if (take(']')) return items;
    do {
      items.push_back(value(depth + 1));
      space();
    } while (take(','));
    if (!take(']')) fail("expected ',' or ']'");
    return items;
  }

  /// Behind the opening quote.
  std::string string() {
    std::string result;
    for (;;) {
      if (at_ == text_.size()) fail("a string does not end");
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
  void escape(std::string& to) {
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

  std::uint32_t unicode_escape() {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, 5).substr(take('u') ? 1 : 0);
    const char* end = digits.data() + digits.size();
    if (digits.size() != 4) fail("unknown escape");
    if (std::from_chars(digits.data(), end, code, 16).ptr != end) fail("unknown escape");
    at_ += 4;
    return code;
  }

  bool digits() {
    const std::size_t first = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > first;
  }

  Json number() {
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
      return {exact};
    }
    return {real(text)};
  }

  /// Rounded as strtod does, in every locale.
  static double real(std::string_view text) {
    std::istringstream stream{std::string(text)};
    stream.imbue(std::locale::classic());
    double result = 0;
    stream >> result;
    if (stream.fail() && std::abs(result) > 1) {
      return std::copysign(std::numeric_limits<double>::infinity(), result);
    }
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const char* Json::kind() const {
  constexpr const char* kinds[] = {"null",     "a boolean", "an integer", "a number",
                                   "a string", "an array",  "an object"};
  return kinds[value.index()];
}

Json parse_json(std::string_view text) {
  if (text.size() > json_max_bytes) {
    throw Error(ErrorCode::invalid_argument, "graph text of " + std::to_string(text.size()) +
                                                 " bytes; the limit is " +
                                                 std::to_string(json_max_bytes));
  }
  return Reader(text).document();
}

}  // namespace flownet2
