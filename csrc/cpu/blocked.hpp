// SPDX-License-Identifier: Apache-2.0
// Activations inside the engine: (N, C / 16, H, W, 16), so that one vector holds neighbouring channels
// of a pixel. Lanes of the last block beyond c are always 0: every writer keeps that, every reader may
// rely on it. A view may be a part of a larger tensor's channel blocks (concat in place).
#pragma once

#include <cstdint>
#include <type_traits>

namespace flownet2 {

inline constexpr std::int64_t channel_block = 16;

inline constexpr std::int64_t blocks_of(std::int64_t channels) {
  return (channels + channel_block - 1) / channel_block;
}

template <typename T>
struct BlockedView {
  T* data = nullptr;
  std::int64_t n = 0;
  std::int64_t c = 0;  // channels that are used
  std::int64_t h = 0;
  std::int64_t w = 0;
  std::int64_t image_stride = 0;  // elements between images; blocks are h * w * 16 apart

  /// First element of channel block b of image i.
  T* plane(std::int64_t i, std::int64_t b) const {
    return data + i * image_stride + b * h * w * channel_block;
  }

  BlockedView() = default;
  BlockedView(T* data_, std::int64_t n_, std::int64_t c_, std::int64_t h_, std::int64_t w_,
              std::int64_t stride_)
      : data(data_), n(n_), c(c_), h(h_), w(w_), image_stride(stride_) {}

  /// A writable view is also a readable one.
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  BlockedView(const BlockedView<U>& o)
      : data(o.data), n(o.n), c(o.c), h(o.h), w(o.w), image_stride(o.image_stride) {}
};

using ConstBlocked = BlockedView<const float>;
using MutableBlocked = BlockedView<float>;

}  // namespace flownet2
