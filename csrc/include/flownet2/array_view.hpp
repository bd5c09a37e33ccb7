// SPDX-License-Identifier: Apache-2.0
// A tensor that somebody else owns: pointer and shape, axes N, C, H, W, elements without gaps in that
// order.
#pragma once

#include <cstdint>
#include <type_traits>

namespace flownet2 {

struct Shape {
  std::int64_t n = 0;
  std::int64_t c = 0;
  std::int64_t h = 0;
  std::int64_t w = 0;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
  }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }
};

template <typename T>
struct ArrayView {
  T* data = nullptr;
  Shape shape;

  ArrayView() = default;
  ArrayView(T* data_, const Shape& shape_) : data(data_), shape(shape_) {}

  /// A writable view is also a readable one.
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  ArrayView(const ArrayView<U>& other) : data(other.data), shape(other.shape) {}

  /// First element of image n, channel c.
  T* plane(std::int64_t n, std::int64_t c) const { return data + (n * shape.c + c) * shape.h * shape.w; }
};

using ConstView = ArrayView<const float>;
using MutableView = ArrayView<float>;

}  // namespace flownet2
