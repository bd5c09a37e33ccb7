// SPDX-License-Identifier: Apache-2.0
// Activations inside the engine: (N, blocks, H, W, 64 bytes), so that one vector holds neighbouring
// channels of a pixel. A block is 16 channels of float32 or 32 of bfloat16, the latter two groups of 16.
// Lanes of the last group beyond c are always 0: every writer keeps that, every reader may rely on it. A
// group beyond it is undefined. A view may be a part of a larger tensor's groups (concat in place).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "cpu/bfloat16.hpp"

namespace flownet2 {

enum class Element { float32, bfloat16 };

/// Channels of a group, the unit that readers and writers work on.
inline constexpr std::int64_t channel_block = 16;

/// Words of 32 bits that a block has for each pixel: one float32 or two bfloat16.
inline constexpr std::int64_t block_words = 16;

inline constexpr std::int64_t blocks_of(std::int64_t channels) {
  return (channels + channel_block - 1) / channel_block;
}

inline constexpr std::int64_t groups_per_block(Element element) {
  return element == Element::bfloat16 ? 2 : 1;
}

/// Words between images of a tensor with room for so many channels.
inline constexpr std::int64_t image_words(Element element, std::int64_t channels, std::int64_t h,
                                          std::int64_t w) {
  const std::int64_t per_block = channel_block * groups_per_block(element);
  return (channels + per_block - 1) / per_block * h * w * block_words;
}

template <typename T>
inline constexpr Element element_of =
    std::is_same_v<std::remove_const_t<T>, bfloat16> ? Element::bfloat16 : Element::float32;

/// Elements between neighbouring pixels of a group.
template <typename T>
inline constexpr std::int64_t pixel_step = block_words * 4 / static_cast<std::int64_t>(sizeof(T));

/// Float is `float` or `const float`; elements are what `element` says.
template <typename Float>
struct BlockedView {
  /// Of each image, the block that holds its first group. Images need not lie side by side: a batch may
  /// be put together from several tensors.
  std::vector<Float*> images;
  Element element = Element::float32;
  std::int64_t c = 0;  // channels that are used
  std::int64_t h = 0;
  std::int64_t w = 0;
  bool second_half = false;  // of the first block: the first group lies there (bfloat16)

  BlockedView() = default;

  /// n images, image_stride words apart, of a tensor that begins at `data`; from its group
  /// `first_group` on.
  BlockedView(Float* data, Element element_, std::int64_t n, std::int64_t c_, std::int64_t h_,
              std::int64_t w_, std::int64_t image_stride, std::int64_t first_group = 0)
      : element(element_), c(c_), h(h_), w(w_) {
    const std::int64_t per_block = groups_per_block(element);
    second_half = first_group % per_block != 0;
    Float* first = data + first_group / per_block * h * w * block_words;
    for (std::int64_t i = 0; i < n; ++i) images.push_back(first + i * image_stride);
  }

  /// A writable view is also a readable one.
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, Float>>>
  BlockedView(const BlockedView<U>& o)
      : images(o.images.begin(), o.images.end()),
        element(o.element),
        c(o.c),
        h(o.h),
        w(o.w),
        second_half(o.second_half) {}

  std::int64_t n() const { return static_cast<std::int64_t>(images.size()); }

  /// First element of group g of image i; its pixels lie pixel_step<T> apart. T is what `element` says.
  template <typename T>
  auto group(std::int64_t i, std::int64_t g) const {
    using Pointer = std::conditional_t<std::is_const_v<Float>, const T*, T*>;
    const auto start = reinterpret_cast<Pointer>(images[static_cast<std::size_t>(i)]);
    if constexpr (element_of<T> == Element::float32) return start + g * h * w * pixel_step<T>;
    const std::int64_t at = g + (second_half ? 1 : 0);
    return start + at / 2 * h * w * pixel_step<T> + at % 2 * channel_block;
  }
};

using ConstBlocked = BlockedView<const float>;
using MutableBlocked = BlockedView<float>;

}  // namespace flownet2
