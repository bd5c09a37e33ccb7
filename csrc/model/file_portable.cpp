// SPDX-License-Identifier: Apache-2.0
// Files of systems that are no Unix.
#if !defined(__unix__) && !defined(__APPLE__)

#include <filesystem>
#include <fstream>
#include <system_error>

#include "model/file.hpp"
#include "model/source.hpp"

namespace flownet2 {
namespace {

namespace fs = std::filesystem;

class FileSource final : public Source {
 public:
  explicit FileSource(const std::string& path) : path_(path) {
    std::error_code error;
    const fs::file_status status = fs::status(path_, error);
    if (!fs::exists(status)) unreadable("it cannot be opened (" + error.message() + ")");
    if (!fs::is_regular_file(status)) unreadable("it is not a file");
    file_.open(path_, std::ios::binary);
    if (!file_) unreadable("it cannot be opened");
    size_ = fs::file_size(path_, error);
    if (!error) modified_ = fs::last_write_time(path_, error);
    if (error) unreadable("it cannot be looked at (" + error.message() + ")");
    check_file_size(size_);
  }

  void read(std::uint64_t offset, void* to, std::size_t count) const override {
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
    std::error_code error;
    const std::uint64_t size_now = fs::file_size(path_, error);
    const bool same = !error && size_now == size_ && fs::last_write_time(path_, error) == modified_;
    if (!file_ || !same || error) file_changed(size_, error ? 0 : size_now);
  }

 private:
  fs::path path_;
  mutable std::ifstream file_;  // one reader at a time
  fs::file_time_type modified_;
};

}  // namespace

std::unique_ptr<const Source> open_file(const std::string& path) {
  check_path(path);
  return std::make_unique<FileSource>(path);
}

}  // namespace flownet2

#endif
