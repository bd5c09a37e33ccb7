// SPDX-License-Identifier: Apache-2.0
#include "engine/arena_layout.hpp"

#include <algorithm>
#include <limits>

#include "ops/checks.hpp"

namespace flownet2 {
namespace {

std::int64_t rounded(std::int64_t floats) {
  return (floats + arena_alignment - 1) / arena_alignment * arena_alignment;
}

bool meet(const Buffer& a, const Buffer& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

std::int64_t place_buffers(std::vector<Buffer>& buffers) {
  std::vector<Buffer*> by_size;
  for (Buffer& buffer : buffers) by_size.push_back(&buffer);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const Buffer* a, const Buffer* b) { return a->size > b->size; });
  std::int64_t total = 0;
  std::vector<const Buffer*> placed;  // by offset
  for (Buffer* buffer : by_size) {
    std::int64_t offset = 0;
    for (const Buffer* other : placed) {
      if (!meet(*buffer, *other)) continue;
      if (other->offset - offset >= buffer->size) break;
      offset = std::max(offset, other->offset + rounded(other->size));
    }
    constexpr std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / 8;
    if (buffer->size > most - offset - arena_alignment) {
      checked_product("network", most, 2);  // throws: too large for the address space
    }
    buffer->offset = offset;
    total = std::max(total, offset + rounded(buffer->size));
    const auto behind = [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), buffer, behind), buffer);
  }
  return total;
}

}  // namespace flownet2
