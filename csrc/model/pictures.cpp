// SPDX-License-Identifier: Apache-2.0
#include "model/pictures.hpp"

#include <flownet2/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>

#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "flow";
// Float pictures lie in 0..1; resampling overshoots that a little, another range does by far.
constexpr float lowest_value = -0.5f;
constexpr float highest_value = 2.0f;

/// Calls use(pixel) for each of some pixels of one channel; they need not be aligned.
template <typename Pixel, typename Use>
void for_pixels(const ImageView& image, std::int64_t row, std::int64_t channel, std::int64_t first,
                std::int64_t count, const Use& use) {
  const auto* at = static_cast<const unsigned char*>(image.data) + row * image.row_stride +
                   first * image.pixel_stride + channel * image.channel_stride;
  for (std::int64_t i = 0; i < count; ++i, at += image.pixel_stride) {
    Pixel pixel;
    std::memcpy(&pixel, at, sizeof pixel);
    use(pixel);
  }
}

std::string size_text(const ImageView& image) {
  return std::to_string(image.height) + "x" + std::to_string(image.width);
}

std::string number_text(float number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

void check_values(const std::string& name, const ImageView& image) {
  float low = std::numeric_limits<float>::infinity();
  float high = -low;
  bool finite = true;
  for (std::int64_t row = 0; row < image.height; ++row) {
    for (std::int64_t channel = 0; channel < image.channels; ++channel) {
      for_pixels<float>(image, row, channel, 0, image.width, [&](float pixel) {
        finite = finite && std::isfinite(pixel);
        low = std::min(low, pixel);
        high = std::max(high, pixel);
      });
    }
  }
  if (!finite) fail(who, name + " holds NaN or infinite values; replace them first");
  const std::string range = name + ": float pictures lie in 0..1, but the ";
  if (high > highest_value) fail(who, range + "maximum is " + number_text(high) + "; divide by 255");
  if (low < lowest_value) {
    fail(who, range + "minimum is " + number_text(low) + "; from -1..1: (x + 1) / 2");
  }
}

void check_picture(const std::string& name, const ImageView& image) {
  if (image.data == nullptr) fail(who, name + " has no data");
  if (image.channels != 1 && image.channels != 3) {
    fail(who, name + " must have three channels, or one for grey, got " +
                  std::to_string(image.channels) + "; to leave out a fourth, set pixel_stride");
  }
  switch (image.type) {
    case PixelType::uint8:
    case PixelType::uint16:
      return;
    case PixelType::float32:
      return check_values(name, image);
  }
  fail(who, name + " must be uint8, uint16 or float32");
}

}  // namespace

void check_pairs(const std::vector<ImagePair>& pairs) {
  if (pairs.empty()) fail(who, "there are no pictures");
  const ImageView& model = pairs.front().image1;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string of = pairs.size() == 1 ? "" : " of pair " + std::to_string(i);
    for (const ImageView* image : {&pairs[i].image1, &pairs[i].image2}) {
      const std::string name = (image == &pairs[i].image1 ? "image1" : "image2") + of;
      check_picture(name, *image);
      if (image->height != model.height || image->width != model.width) {
        fail(who, "all pictures must have one size, got " + size_text(model) + " for image1 and " +
                      size_text(*image) + " for " + name + "; resize or crop one of them");
      }
      if (image->type != model.type) fail(who, name + " has another pixel type than image1");
    }
  }
}

void read_pixels(const ImageView& image, std::int64_t row, std::int64_t channel, std::int64_t first,
                 std::int64_t count, std::uint8_t* out) {
  for_pixels<std::uint8_t>(image, row, channel, first, count,
                           [&](std::uint8_t pixel) { *out++ = pixel; });
}

void read_pixels(const ImageView& image, std::int64_t row, std::int64_t channel, std::int64_t first,
                 std::int64_t count, float* out) {
  if (image.type == PixelType::float32) {
    for_pixels<float>(image, row, channel, first, count, [&](float pixel) { *out++ = pixel; });
  } else {
    for_pixels<std::uint16_t>(image, row, channel, first, count, [&](std::uint16_t pixel) {
      *out++ = static_cast<float>(pixel) / 65535.0f;
    });
  }
}

}  // namespace flownet2
