// SPDX-License-Identifier: Apache-2.0
#include "model/source.hpp"

#include <cstring>

namespace flownet2 {
namespace {

class MemorySource final : public Source {
 public:
  MemorySource(const void* data, std::size_t bytes) : data_(static_cast<const unsigned char*>(data)) {
    size_ = data == nullptr ? 0 : bytes;
  }

  void read(std::uint64_t offset, void* to, std::size_t count) const override {
    if (count > 0) std::memcpy(to, data_ + offset, count);
  }

  const unsigned char* in_memory() const noexcept override { return data_; }

 private:
  const unsigned char* data_;
};

}  // namespace

Source::~Source() = default;

std::unique_ptr<const Source> view_memory(const void* data, std::size_t bytes) {
  return std::make_unique<MemorySource>(data, bytes);
}

}  // namespace flownet2
