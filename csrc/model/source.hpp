// SPDX-License-Identifier: Apache-2.0
// The bytes of a model, in a file or in memory, read by their position. A file is read and not mapped,
// so that one that is cut meanwhile is an error and not a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace flownet2 {

class Source {
 public:
  virtual ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  std::uint64_t size() const { return size_; }

  /// Copies `count` bytes from `offset`, all inside size(). Throws Error (unreadable_file): they cannot
  /// be read, or the file changed since it was opened.
  virtual void read(std::uint64_t offset, void* to, std::size_t count) const = 0;

  /// The bytes where they lie in memory, or null.
  virtual const unsigned char* in_memory() const noexcept { return nullptr; }

 protected:
  Source() = default;
  std::uint64_t size_ = 0;
};

/// Throws Error (unreadable_file, bad_model_file) without the file's name: the file is missing, not a
/// regular one, or larger than 8 GiB.
std::unique_ptr<const Source> open_file(const std::string& path);

/// Memory of somebody else, which must outlive the source.
std::unique_ptr<const Source> view_memory(const void* data, std::size_t bytes);

}  // namespace flownet2
