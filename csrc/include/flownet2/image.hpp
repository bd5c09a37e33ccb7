// SPDX-License-Identifier: Apache-2.0
// Pictures and flow that somebody else owns, of any strides: as OpenCV, a camera or a decoder leaves
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace flownet2 {

enum class PixelType {
  uint8,    // 0 to 255
  uint16,   // 0 to 65535
  float32,  // 0 to 1
};

enum class ChannelOrder { rgb, bgr };

/// height x width pixels of 3 channels, or of 1 (grey). Strides are in bytes and may be negative; data
/// need not be aligned.
struct ImageView {
  const void* data = nullptr;  // channel 0 of the first pixel
  PixelType type = PixelType::uint8;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 3;
  std::ptrdiff_t row_stride = 0;      // to the pixel below
  std::ptrdiff_t pixel_stride = 0;    // to the pixel to the right
  std::ptrdiff_t channel_stride = 0;  // to the next channel of a pixel
  ChannelOrder order = ChannelOrder::rgb;
};

template <typename Pixel>
constexpr PixelType pixel_type() {
  static_assert(std::is_same_v<Pixel, std::uint8_t> || std::is_same_v<Pixel, std::uint16_t> ||
                    std::is_same_v<Pixel, float>,
                "pictures are uint8_t, uint16_t or float");
  return std::is_same_v<Pixel, std::uint8_t>    ? PixelType::uint8
         : std::is_same_v<Pixel, std::uint16_t> ? PixelType::uint16
                                                : PixelType::float32;
}

/// (H, W, 3): the channels of a pixel side by side. row_stride: bytes, 0 for rows without gaps.
/// For four channels: set pixel_stride of the result to 4 * sizeof(Pixel), and row_stride.
template <typename Pixel>
ImageView interleaved(const Pixel* data, std::int64_t height, std::int64_t width,
                      ChannelOrder order = ChannelOrder::rgb, std::ptrdiff_t row_stride = 0) {
  constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(Pixel));
  const std::ptrdiff_t row =
      row_stride != 0 ? row_stride : 3 * size * static_cast<std::ptrdiff_t>(width);
  return {data, pixel_type<Pixel>(), height, width, 3, row, 3 * size, size, order};
}

/// (3, H, W): one plane for each channel. Strides in bytes, 0 for no gaps.
template <typename Pixel>
ImageView planar(const Pixel* data, std::int64_t height, std::int64_t width,
                 ChannelOrder order = ChannelOrder::rgb, std::ptrdiff_t row_stride = 0,
                 std::ptrdiff_t plane_stride = 0) {
  constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(Pixel));
  const std::ptrdiff_t row = row_stride != 0 ? row_stride : size * static_cast<std::ptrdiff_t>(width);
  const std::ptrdiff_t plane =
      plane_stride != 0 ? plane_stride : row * static_cast<std::ptrdiff_t>(height);
  return {data, pixel_type<Pixel>(), height, width, 3, row, size, plane, order};
}

/// (H, W): grey, which counts for all three channels. row_stride: bytes, 0 for rows without gaps.
template <typename Pixel>
ImageView grey(const Pixel* data, std::int64_t height, std::int64_t width,
               std::ptrdiff_t row_stride = 0) {
  constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(Pixel));
  const std::ptrdiff_t row = row_stride != 0 ? row_stride : size * static_cast<std::ptrdiff_t>(width);
  return {data, pixel_type<Pixel>(), height, width, 1, row, size, size, ChannelOrder::rgb};
}

/// Rows and columns.
struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;

  friend bool operator==(const ImageSize& a, const ImageSize& b) {
    return a.height == b.height && a.width == b.width;
  }
  friend bool operator!=(const ImageSize& a, const ImageSize& b) { return !(a == b); }
};

/// Where flow is written: (H, W, 2), u (to the right) then v (down), pixels.
struct FlowView {
  float* data = nullptr;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::ptrdiff_t row_stride = 0;  // bytes, a multiple of sizeof(float); 0 for rows without gaps
};

/// Flow of a picture: at pixel (y, x) of picture 1, how far it moved until picture 2.
struct Flow {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> data;  // (H, W, 2): u (to the right) then v (down), pixels

  float u(std::int64_t y, std::int64_t x) const { return data[index(y, x)]; }
  float v(std::int64_t y, std::int64_t x) const { return data[index(y, x) + 1]; }

  /// To be written into again.
  FlowView view() { return {data.data(), height, width, 0}; }

 private:
  std::size_t index(std::int64_t y, std::int64_t x) const {
    return static_cast<std::size_t>((y * width + x) * 2);
  }
};

}  // namespace flownet2
