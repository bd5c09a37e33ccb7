// SPDX-License-Identifier: Apache-2.0
#include "model/resampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace flownet2 {
namespace {

constexpr float coefficient_one = 2048.0f;  // 11 bits

std::int32_t coefficient(float weight) {
  // To nearest, ties to even, as NumPy's rint.
  return static_cast<std::int32_t>(std::nearbyint(weight * coefficient_one));
}

/// The axis with whole parts as they are, which may lie outside.
ResampleAxis positions(std::int64_t in, std::int64_t out) {
  ResampleAxis axis;
  axis.identity = in == out;
  const double step = static_cast<double>(in) / static_cast<double>(out);
  for (std::int64_t i = 0; i < out; ++i) {
    const auto position = static_cast<float>((static_cast<double>(i) + 0.5) * step - 0.5);
    const float whole = std::floor(position);
    axis.first.push_back(static_cast<std::int64_t>(whole));
    axis.weight.push_back(position - whole);
  }
  return axis;
}

std::int64_t inside(std::int64_t position, std::int64_t size) {
  return std::clamp<std::int64_t>(position, 0, size - 1);
}

}  // namespace

ResampleAxis column_axis(std::int64_t in, std::int64_t out) {
  ResampleAxis axis = positions(in, out);
  for (std::size_t i = 0; i < axis.first.size(); ++i) {
    std::int64_t& first = axis.first[i];
    if (first < 0 || first >= in - 1) axis.weight[i] = 0.0f;
    first = inside(first, in);
    axis.second.push_back(inside(first + 1, in));
  }
  return axis;
}

ResampleAxis row_axis(std::int64_t in, std::int64_t out) {
  ResampleAxis axis = positions(in, out);
  for (std::int64_t& first : axis.first) {
    axis.second.push_back(inside(first + 1, in));
    first = inside(first, in);
  }
  return axis;
}

ResampleAxis corner_axis(std::int64_t in, std::int64_t out) {
  ResampleAxis axis;
  axis.identity = in == out;
  const float step = out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f;
  for (std::int64_t i = 0; i < out; ++i) {
    const float position = static_cast<float>(i) * step;
    const std::int64_t first = inside(static_cast<std::int64_t>(position), in);
    axis.first.push_back(first);
    axis.second.push_back(inside(first + 1, in));
    axis.weight.push_back(position - static_cast<float>(first));
  }
  return axis;
}

LineResampler::LineResampler(const ResampleAxis& columns) : axis_(columns) {
  for (const float weight : columns.weight) {
    first_.push_back(coefficient(1.0f - weight));
    second_.push_back(coefficient(weight));
  }
}

void LineResampler::columns(const std::uint8_t* from, std::int32_t* to) const {
  const std::size_t width = axis_.weight.size();
  if (axis_.identity) {
    std::copy(from, from + width, to);
    return;
  }
  for (std::size_t i = 0; i < width; ++i) {
    to[i] = (from[axis_.first[i]] * first_[i] + from[axis_.second[i]] * second_[i]) >> 4;
  }
}

void LineResampler::columns(const float* from, float* to) const {
  const std::size_t width = axis_.weight.size();
  if (axis_.identity) {
    std::copy(from, from + width, to);
    return;
  }
  for (std::size_t i = 0; i < width; ++i) {
    const float weight = axis_.weight[i];
    to[i] = from[axis_.first[i]] * (1.0f - weight) + from[axis_.second[i]] * weight;
  }
}

void LineResampler::rows(const std::int32_t* first, const std::int32_t* second, float weight,
                         std::uint8_t* to) const {
  const std::int32_t y0 = coefficient(1.0f - weight);
  const std::int32_t y1 = coefficient(weight);
  // The shifts are those of OpenCV's vector code. Unresampled columns would be 2048 times themselves,
  // shifted by 4: by so much less are they shifted here.
  const int shift = axis_.identity ? 9 : 16;
  for (std::size_t i = 0; i < axis_.weight.size(); ++i) {
    const std::int32_t sum = ((y0 * first[i]) >> shift) + ((y1 * second[i]) >> shift);
    to[i] = static_cast<std::uint8_t>((sum + 2) >> 2);
  }
}

void LineResampler::rows(const float* first, const float* second, float weight, float* to) const {
  for (std::size_t i = 0; i < axis_.weight.size(); ++i) {
    to[i] = first[i] * (1.0f - weight) + second[i] * weight;
  }
}

}  // namespace flownet2
