// SPDX-License-Identifier: Apache-2.0
// What both ways of reading files share.
#pragma once

#include <cstdint>
#include <string>

namespace flownet2 {

/// Throws Error (unreadable_file): "WHAT; REMEDY".
[[noreturn]] void unreadable(const std::string& what,
                             const std::string& remedy = "give the path of a model file");

[[noreturn]] void file_changed(std::uint64_t size_at_first, std::uint64_t size_now);

/// Refuses a path that the system's functions would cut short.
void check_path(const std::string& path);

/// Throws Error (bad_model_file) above 8 GiB.
void check_file_size(std::uint64_t bytes);

}  // namespace flownet2
