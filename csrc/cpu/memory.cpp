// SPDX-License-Identifier: Apache-2.0
#include "cpu/memory.hpp"

#include <flownet2/error.hpp>

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <string>

namespace flownet2 {
namespace {

constexpr std::size_t line = 64;

}  // namespace

void AlignedDelete::operator()(float*) const noexcept { std::free(block); }

AlignedFloats aligned_floats(const char* what, std::int64_t count) {
  constexpr std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / 8;
  void* block = nullptr;
  if (count >= 0 && count <= most)
    block = std::calloc(static_cast<std::size_t>(count) * sizeof(float) + line, 1);
  if (block == nullptr) {
    throw Error(ErrorCode::out_of_memory, std::string(what) + ": no memory for " +
                                              std::to_string(count) + " floats of working space");
  }
  void* data = block;
  std::size_t space = static_cast<std::size_t>(count) * sizeof(float) + line;
  std::align(line, space - line, data, space);  // always succeeds: there is a line to spare
  return AlignedFloats(static_cast<float*>(data), AlignedDelete{block});
}

float* GrowingFloats::at_least(const char* what, std::int64_t count) {
  if (count > size_) {
    data_.reset();
    size_ = 0;
    data_ = aligned_floats(what, count);
    size_ = count;
  }
  return data_.get();
}

float* thread_scratch(const char* what, std::int64_t count) {
  thread_local GrowingFloats data;
  return data.at_least(what, count);
}

}  // namespace flownet2
