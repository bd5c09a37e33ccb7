// SPDX-License-Identifier: Apache-2.0
// Files of Unix systems.
#if defined(__unix__) || defined(__APPLE__)

// Sizes over 2 GiB on 32-bit systems; before the first header of the system.
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64
#endif

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "model/file.hpp"
#include "model/source.hpp"

namespace flownet2 {
namespace {

std::string reason() { return std::generic_category().message(errno); }

struct timespec modified(const struct stat& status) {
#if defined(__APPLE__)
  return status.st_mtimespec;
#else
  return status.st_mtim;
#endif
}

const char* kind(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

/// Closed with this.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path) {
    // A pipe must not be waited for, and a terminal not taken over.
    constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    do {
      number_ = ::open(path.c_str(), flags);
    } while (number_ < 0 && errno == EINTR);
    if (number_ < 0) unreadable("it cannot be opened (" + reason() + ")");
  }
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

  struct stat status() const {
    struct stat result = {};
    if (::fstat(number_, &result) != 0) unreadable("it cannot be looked at (" + reason() + ")");
    return result;
  }

 private:
  int number_ = -1;
};

class FileSource final : public Source {
 public:
  explicit FileSource(const std::string& path) : file_(path) {
    const struct stat status = file_.status();
    if (!S_ISREG(status.st_mode)) {
      unreadable("it is " + std::string(kind(status.st_mode)) + ", not a file");
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
    modified_ = modified(status);
    check_file_size(size_);
  }

  void read(std::uint64_t offset, void* to, std::size_t count) const override {
    const bool whole = fill(offset, static_cast<char*>(to), count);
    const struct stat status = file_.status();
    const struct timespec now = modified(status);
    const auto size_now = static_cast<std::uint64_t>(status.st_size);
    if (!whole || size_now != size_ || now.tv_sec != modified_.tv_sec ||
        now.tv_nsec != modified_.tv_nsec) {
      file_changed(size_, size_now);
    }
  }

 private:
  /// False where the file ends before.
  bool fill(std::uint64_t offset, char* to, std::size_t count) const {
    constexpr std::size_t most = std::size_t{1} << 30;  // macOS refuses more than 2 GiB at once
    while (count > 0) {
      const ssize_t got = ::pread(file_.number(), to, std::min(count, most), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) unreadable("it cannot be read (" + reason() + ")", "check the disk, then try again");
      if (got == 0) return false;
      offset += static_cast<std::uint64_t>(got);
      to += got;
      count -= static_cast<std::size_t>(got);
    }
    return true;
  }

  Descriptor file_;
  struct timespec modified_ = {};
};

}  // namespace

std::unique_ptr<const Source> open_file(const std::string& path) {
  check_path(path);
  return std::make_unique<FileSource>(path);
}

}  // namespace flownet2

#endif
