// SPDX-License-Identifier: Apache-2.0
#include "cpu/memory.hpp"

#include <flownet2/error.hpp>

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <string>

namespace flownet2 {
namespace {

constexpr std::align_val_t line{64};

float* allocate(const char* what, std::int64_t count) {
  constexpr std::int64_t most =
      std::numeric_limits<std::ptrdiff_t>::max() / static_cast<std::ptrdiff_t>(sizeof(float));
  void* data = nullptr;
  if (count >= 0 && count <= most) {
    data = ::operator new[](static_cast<std::size_t>(count) * sizeof(float), line, std::nothrow);
  }
  if (data == nullptr) {
    throw Error(ErrorCode::out_of_memory, std::string(what) + ": no memory for " +
                                              std::to_string(count) + " floats of working space");
  }
  return static_cast<float*>(data);
}

}  // namespace

void AlignedDelete::operator()(float* data) const noexcept { ::operator delete[](data, line); }

AlignedFloats aligned_floats(const char* what, std::int64_t count) {
  AlignedFloats data(allocate(what, count));
  std::memset(data.get(), 0, static_cast<std::size_t>(count) * sizeof(float));
  return data;
}

float* thread_scratch(const char* what, std::int64_t count) {
  thread_local AlignedFloats data;
  thread_local std::int64_t size = 0;
  if (count > size) {
    data.reset();
    size = 0;
    data.reset(allocate(what, count));
    size = count;
  }
  return data.get();
}

}  // namespace flownet2
