// SPDX-License-Identifier: Apache-2.0
#include "model/file.hpp"

#include <flownet2/error.hpp>

#include "model/shown.hpp"

namespace flownet2 {

void unreadable(const std::string& what, const std::string& remedy) {
  throw Error(ErrorCode::unreadable_file, what + "; " + remedy);
}

void file_changed(std::uint64_t size_at_first, std::uint64_t size_now) {
  unreadable("the file changed while it was read (" + std::to_string(size_at_first) +
                 " bytes at first, now " + std::to_string(size_now) + ")",
             "wait until it is written, then try again");
}

void check_path(const std::string& path) {
  if (path.find('\0') != path.npos) unreadable("the path has a zero byte in it");
}

void check_file_size(std::uint64_t bytes) {
  constexpr std::uint64_t most = std::uint64_t{8} << 30;
  if (bytes > most) {
    bad_file("it has " + std::to_string(bytes) + " bytes, more than " + std::to_string(most),
             "give the path of a model file");
  }
}

}  // namespace flownet2
