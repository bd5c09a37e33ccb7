// SPDX-License-Identifier: Apache-2.0
#include "model/shown.hpp"

#include <flownet2/error.hpp>

#include "engine/utf8.hpp"

namespace flownet2 {
namespace {

constexpr std::size_t longest_name = 60;

/// Of one character of well-formed UTF-8, no longer than three bytes.
unsigned code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]) & 0x3Fu; };
  if (character.size() == 2) return (byte(0) & 0x1F) << 6 | byte(1);
  if (character.size() == 3) return (byte(0) & 0x0F) << 12 | byte(1) << 6 | byte(2);
  return static_cast<unsigned char>(character[0]);
}

bool is_plain(std::string_view character) {
  if (character.size() > 3) return true;
  const unsigned code = code_point(character);
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool line_end = code == 0x2028 || code == 0x2029;
  const bool direction = code == 0x61C || code == 0x200E || code == 0x200F ||
                         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return !control && !line_end && !direction;
}

}  // namespace

std::string shown(std::string_view text, std::size_t limit) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (result.size() >= limit) return result + "...";
    const std::size_t length = utf8_length(text.substr(at));
    const std::string_view character = text.substr(at, length == 0 ? 1 : length);
    if (length != 0 && is_plain(character)) {
      result += character;
    } else {
      for (const char c : character) {
        const auto byte = static_cast<unsigned char>(c);
        result += {'\\', 'x', digits[byte >> 4], digits[byte & 0xF]};
      }
    }
    at += character.size();
  }
  return result;
}

std::string shown_name(std::string_view name) { return "'" + shown(name, longest_name) + "'"; }

void bad_file(const std::string& what, const std::string& remedy) {
  const std::string damaged = "the file is damaged or made to mislead: get it again from its source";
  throw Error(ErrorCode::bad_model_file, what + "; " + (remedy.empty() ? damaged : remedy));
}

void bad_header(const std::string& what) { bad_file(what + " (safetensors header)"); }

}  // namespace flownet2
