// SPDX-License-Identifier: Apache-2.0
#include "ops/layout.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "ops/either_layout.hpp"
#include "ops/rounded.hpp"

namespace flownet2 {
namespace {

constexpr std::int64_t pixels_per_task = 4096;

// Runs of pixels that stay in the first-level cache while their lanes are taken one by one.
constexpr std::int64_t pixels_per_run = 64;

/// Where one lane of a group comes from, for one image: a plane, or a lane of another group. Neither: 0.
template <typename T>
struct Lane {
  const float* plane = nullptr;
  const T* lane = nullptr;
};

template <typename T>
using Lanes = std::array<Lane<T>, channel_block>;

/// The lanes of group g of image n; false if no part has any of them.
template <typename T>
bool find_lanes(const std::vector<ChannelPart>& parts, std::int64_t n, std::int64_t g, Lanes<T>& lanes) {
  bool any = false;
  for (const ChannelPart& part : parts) {
    const bool planar = part.planar.data != nullptr;
    if (!planar && part.blocked.images.empty()) continue;
    const std::int64_t channels = planar ? part.planar.shape.c : part.blocked.c;
    const std::int64_t first = std::max(part.first, g * channel_block);
    const std::int64_t last = std::min(part.first + channels, (g + 1) * channel_block);
    for (std::int64_t channel = first; channel < last; ++channel) {
      const std::int64_t c = channel - part.first;
      Lane<T>& lane = lanes[static_cast<std::size_t>(channel - g * channel_block)];
      if (planar) {
        lane.plane = part.planar.plane(n, c);
      } else {
        lane.lane = part.blocked.group<T>(n, c / channel_block) + c % channel_block;
      }
      any = true;
    }
  }
  return any;
}

/// Whether the lanes are one whole group, in order.
template <typename T>
bool whole_group(const Lanes<T>& lanes) {
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    if (lanes[l].lane == nullptr || lanes[l].lane != lanes[0].lane + l) return false;
  }
  return true;
}

/// Pixels [first, last) of a lane of the group at `to`.
template <typename T>
void write_lane(const Lane<T>& from, std::int64_t first, std::int64_t last, T* to) {
  constexpr std::int64_t step = pixel_step<T>;
  for (std::int64_t i = first; i < last; ++i) {
    to[i * step] = from.plane != nullptr  ? converted<T>(from.plane[i])
                   : from.lane != nullptr ? from.lane[i * step]
                                          : T{};
  }
}

/// Pixels [first, last) of group g of image n from lanes that are planes or nothing; false if one is
/// not.
template <typename T>
bool write_planes(const Lanes<T>& lanes, std::int64_t n, std::int64_t g, std::int64_t first,
                  std::int64_t last, const MutableBlocked& out) {
  std::array<const float*, channel_block> rows{};
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    if (lanes[l].lane != nullptr) return false;
    if (lanes[l].plane != nullptr) rows[l] = lanes[l].plane + first;
  }
  put_pixels(active_kernels(), rows.data(), n, g, first, last - first, out);
  return true;
}

/// Pixels [first, last) of the group at `to`.
template <typename T>
void write_group(const Lanes<T>& lanes, std::int64_t first, std::int64_t last, T* to) {
  if (whole_group(lanes)) {
    for (std::int64_t i = first; i < last; ++i) {
      std::copy_n(lanes[0].lane + i * pixel_step<T>, channel_block, to + i * pixel_step<T>);
    }
    return;
  }
  for (std::int64_t start = first; start < last; start += pixels_per_run) {
    const std::int64_t stop = std::min(start + pixels_per_run, last);
    for (std::size_t l = 0; l < lanes.size(); ++l) write_lane(lanes[l], start, stop, to + l);
  }
}

template <typename T>
void read_group(const T* in, std::int64_t lanes, std::int64_t plane, std::int64_t first,
                std::int64_t last, float* out) {
  for (std::int64_t start = first; start < last; start += pixels_per_run) {
    const std::int64_t stop = std::min(start + pixels_per_run, last);
    for (std::int64_t l = 0; l < lanes; ++l) {
      float* to = out + l * plane;
      for (std::int64_t i = start; i < stop; ++i) to[i] = widened(in[i * pixel_step<T> + l]);
    }
  }
}

/// Calls work(n, group, first pixel, last pixel) for every group in pieces of a useful size.
template <typename Work>
void for_pieces(std::int64_t images, std::int64_t blocks, std::int64_t plane, const Work& work) {
  const std::int64_t pieces = (plane + pixels_per_task - 1) / pixels_per_task;
  parallel_for(images * blocks * pieces, [&](std::int64_t task) {
    const std::int64_t first = task % pieces * pixels_per_task;
    const std::int64_t block = task / pieces;
    work(block / blocks, block % blocks, first, std::min(first + pixels_per_task, plane));
  });
}

template <typename T>
void join_groups(const std::vector<ChannelPart>& parts, const MutableBlocked& out) {
  for_pieces(out.n(), blocks_of(out.c), out.h * out.w,
             [&](std::int64_t n, std::int64_t group, std::int64_t first, std::int64_t last) {
               Lanes<T> lanes;
               if (!find_lanes(parts, n, group, lanes)) return;
               if (write_planes(lanes, n, group, first, last, out)) return;
               write_group(lanes, first, last, out.group<T>(n, group));
             });
}

template <typename T>
void split_groups(const ConstBlocked& in, const MutableView& out) {
  const std::int64_t plane = in.h * in.w;
  for_pieces(in.n(), blocks_of(in.c), plane,
             [&](std::int64_t n, std::int64_t group, std::int64_t first, std::int64_t last) {
               const std::int64_t channel = group * channel_block;
               read_group(in.group<T>(n, group), std::min(channel_block, in.c - channel), plane, first,
                          last, out.plane(n, channel));
             });
}

}  // namespace

void join_blocked(const std::vector<ChannelPart>& parts, const MutableBlocked& out) {
  (out.element == Element::bfloat16 ? join_groups<bfloat16> : join_groups<float>)(parts, out);
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
  (in.element == Element::bfloat16 ? split_groups<bfloat16> : split_groups<float>)(in, out);
}

}  // namespace flownet2
