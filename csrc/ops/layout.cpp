// SPDX-License-Identifier: Apache-2.0
#include "ops/layout.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "cpu/threads.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t pixels_per_task = 4096;
constexpr float zero = 0.0f;

/// Where one lane of a channel block comes from, for one image: value of pixel i at data[i * step].
struct Lane {
  const float* data = &zero;
  std::int64_t step = 0;
};

using Lanes = std::array<Lane, channel_block>;

/// The lanes of channel block `block` of image n; false if no part has any of them.
bool find_lanes(const std::vector<ChannelPart>& parts, std::int64_t n, std::int64_t block,
                Lanes& lanes) {
  bool any = false;
  for (const ChannelPart& part : parts) {
    const bool planar = part.planar.data != nullptr;
    if (!planar && part.blocked.images.empty()) continue;
    const std::int64_t channels = planar ? part.planar.shape.c : part.blocked.c;
    const std::int64_t first = std::max(part.first, block * channel_block);
    const std::int64_t last = std::min(part.first + channels, (block + 1) * channel_block);
    for (std::int64_t channel = first; channel < last; ++channel) {
      const std::int64_t c = channel - part.first;
      Lane& lane = lanes[static_cast<std::size_t>(channel - block * channel_block)];
      lane = planar ? Lane{part.planar.plane(n, c), 1}
                    : Lane{part.blocked.group<float>(n, c / channel_block) + c % channel_block,
                           channel_block};
      any = true;
    }
  }
  return any;
}

/// Pixels [first, last) of the lanes, interleaved.
void interleave(const Lanes& lanes, std::int64_t first, std::int64_t last, float* out) {
  for (std::int64_t i = first; i < last; ++i) {
    float* to = out + i * channel_block;
    for (std::size_t l = 0; l < lanes.size(); ++l) to[l] = lanes[l].data[i * lanes[l].step];
  }
}

/// Whether the lanes are one whole channel block, in order.
bool whole_block(const Lanes& lanes) {
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    if (lanes[l].step != channel_block || lanes[l].data != lanes[0].data + l) return false;
  }
  return true;
}

void deinterleave(const float* in, std::int64_t lanes, std::int64_t plane, std::int64_t first,
                  std::int64_t last, float* out) {
  // Runs of pixels that stay in the first-level cache while their lanes are taken one by one.
  constexpr std::int64_t run = 64;
  for (std::int64_t start = first; start < last; start += run) {
    const std::int64_t stop = std::min(start + run, last);
    for (std::int64_t l = 0; l < lanes; ++l) {
      float* to = out + l * plane;
      for (std::int64_t i = start; i < stop; ++i) to[i] = in[i * channel_block + l];
    }
  }
}

/// Calls work(n, block, first pixel, last pixel) for every channel block in pieces of a useful size.
template <typename Work>
void for_pieces(std::int64_t images, std::int64_t blocks, std::int64_t plane, const Work& work) {
  const std::int64_t pieces = (plane + pixels_per_task - 1) / pixels_per_task;
  parallel_for(images * blocks * pieces, [&](std::int64_t task) {
    const std::int64_t first = task % pieces * pixels_per_task;
    const std::int64_t block = task / pieces;
    work(block / blocks, block % blocks, first, std::min(first + pixels_per_task, plane));
  });
}

}  // namespace

void join_blocked(const std::vector<ChannelPart>& parts, const MutableBlocked& out) {
  for_pieces(out.n(), blocks_of(out.c), out.h * out.w,
             [&](std::int64_t n, std::int64_t block, std::int64_t first, std::int64_t last) {
               Lanes lanes;
               if (!find_lanes(parts, n, block, lanes)) return;
               float* to = out.group<float>(n, block);
               if (whole_block(lanes)) {
                 const float* from = lanes[0].data;
                 std::copy(from + first * channel_block, from + last * channel_block,
                           to + first * channel_block);
               } else {
                 interleave(lanes, first, last, to);
               }
             });
}

void join_planar(const std::vector<ChannelPart>& parts, MutableView out) {
  const std::int64_t plane = out.shape.h * out.shape.w;
  const auto count = static_cast<std::int64_t>(parts.size());
  parallel_for(out.shape.n * count, [&](std::int64_t task) {
    const ChannelPart& part = parts[static_cast<std::size_t>(task % count)];
    const float* from = part.planar.plane(task / count, 0);
    std::copy(from, from + part.planar.shape.c * plane, out.plane(task / count, part.first));
  });
}

void to_blocked(ConstView in, const MutableBlocked& out) { join_blocked({{0, in, {}}}, out); }

void to_planar(const ConstBlocked& in, MutableView out) {
  const std::int64_t plane = in.h * in.w;
  for_pieces(in.n(), blocks_of(in.c), plane,
             [&](std::int64_t n, std::int64_t block, std::int64_t first, std::int64_t last) {
               const std::int64_t channel = block * channel_block;
               deinterleave(in.group<float>(n, block), std::min(channel_block, in.c - channel), plane,
                            first, last, out.plane(n, channel));
             });
}

}  // namespace flownet2
