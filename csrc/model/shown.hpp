// SPDX-License-Identifier: Apache-2.0
// Messages about files: what stands in them came from outside.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace flownet2 {

/// The text with all escaped that would break a line or mislead on a terminal: control characters, marks
/// of direction, bytes that are no UTF-8. Cut behind about `limit` bytes.
std::string shown(std::string_view text, std::size_t limit = std::numeric_limits<std::size_t>::max());

/// shown() in quotes, cut to the length of a long name.
std::string shown_name(std::string_view name);

/// Throws Error (bad_model_file): "WHAT; REMEDY". Who opened the file puts its name before it.
[[noreturn]] void bad_file(const std::string& what, const std::string& remedy = "");

/// bad_file() of a rule that the header breaks.
[[noreturn]] void bad_header(const std::string& what);

}  // namespace flownet2
