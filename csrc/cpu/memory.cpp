// SPDX-License-Identifier: Apache-2.0
#include "cpu/memory.hpp"

#include <flownet2/error.hpp>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <string>

// The address sanitizer watches the ends of malloc's blocks only.
#if defined(__SANITIZE_ADDRESS__)
#define FLOWNET2_NEEDS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FLOWNET2_NEEDS_MALLOC 1
#endif
#endif

#if (defined(__unix__) || defined(__APPLE__)) && !defined(FLOWNET2_NEEDS_MALLOC)
#include <sys/mman.h>
#define FLOWNET2_HAS_MMAP 1
#endif

namespace flownet2 {
namespace {

constexpr std::size_t line = 64;

std::atomic<std::int64_t> alive{0};
std::atomic<std::int64_t> until_failure{0};

/// Whether this allocation is the one that a test wants to fail.
bool fails() noexcept {
  std::int64_t left = until_failure.load(std::memory_order_relaxed);
  while (left > 0 && !until_failure.compare_exchange_weak(left, left - 1)) continue;
  return left == 1;
}

#if defined(FLOWNET2_HAS_MMAP)

/// From this size on, blocks come from the system itself: malloc raises its own limit to 32 MiB as
/// blocks are freed, and then keeps hundreds of megabytes of freed weights.
constexpr std::size_t large = 1 << 17;

void* take(std::size_t bytes) noexcept {
  if (bytes < large) return std::calloc(bytes, 1);
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  madvise(block, bytes, MADV_HUGEPAGE);  // fewer faults, fewer misses of the address cache; a wish
#endif
  return block;
}

void give(void* block, std::size_t bytes) noexcept {
  if (bytes < large) {
    std::free(block);
  } else {
    munmap(block, bytes);
  }
}

#else

void* take(std::size_t bytes) noexcept { return std::calloc(bytes, 1); }
void give(void* block, std::size_t) noexcept { std::free(block); }

#endif

}  // namespace

void AlignedDelete::operator()(float*) const noexcept {
  alive -= static_cast<std::int64_t>(bytes);
  give(block, bytes);
}

AlignedFloats aligned_floats(const char* what, std::int64_t count) {
  constexpr std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / 8;
  const bool possible = count >= 0 && count <= most && !fails();
  const std::size_t bytes = possible ? static_cast<std::size_t>(count) * sizeof(float) + line : 0;
  void* block = possible ? take(bytes) : nullptr;
  if (block == nullptr) {
    const std::string needed =
        count <= most ? std::to_string(count * 4) : std::to_string(count) + " * 4";
    throw Error(ErrorCode::out_of_memory, std::string(what) + ": no memory for " + needed + " bytes");
  }
  alive += static_cast<std::int64_t>(bytes);
  void* data = block;
  std::size_t space = bytes;
  std::align(line, space - line, data, space);  // always succeeds: there is a line to spare
  return AlignedFloats(static_cast<float*>(data), AlignedDelete{block, bytes});
}

std::int64_t aligned_bytes() noexcept { return alive; }

void fail_allocation(std::int64_t number) noexcept { until_failure = number; }

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
