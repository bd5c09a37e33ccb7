// SPDX-License-Identifier: Apache-2.0
// A small strict JSON reader for the texts in model files: no duplicate keys, no NaN or Infinity,
// integers exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flownet2 {

struct JsonMember;

/// One JSON value. A number written as an integer is an int64_t; a double if it does not fit into that,
/// or has a fraction or an exponent (infinite if too large for a double).
struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<JsonMember>;

  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&value);
  }

  /// "a string", "null", ... for messages.
  const char* kind() const;
};

struct JsonMember {
  std::string key;
  Json value;
};

inline constexpr std::size_t json_max_bytes = std::size_t{16} << 20;
inline constexpr int json_max_depth = 64;
inline constexpr std::size_t json_max_values = std::size_t{1} << 20;  // each takes 40 bytes and more

/// The value of a UTF-8 text; throws Error naming the byte where the text, called `what`, goes wrong.
Json parse_json(std::string_view text, std::string_view what = "graph text");

}  // namespace flownet2
