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

std::int64_t inside(std::int64_t position, std::int64_t size) {
  return std::clamp<std::int64_t>(position, 0, size - 1);
}

/// Appends a position: two neighbours, which are moved into the source, and the weight of the second.
void add_pair(ResampleAxis& axis, std::int64_t first, float weight, std::int64_t size) {
  axis.taps[0].push_back(inside(first, size));
  axis.taps[1].push_back(inside(first + 1, size));
  axis.weights[0].push_back(1.0f - weight);
  axis.weights[1].push_back(weight);
}

ResampleAxis empty_axis(std::size_t terms, bool identity) {
  ResampleAxis axis;
  axis.taps.resize(terms);
  axis.weights.resize(terms);
  axis.identity = identity;
  return axis;
}

/// cv2.resize's axis; whether positions beyond the first or last pixel take that one alone.
ResampleAxis opencv_axis(std::int64_t in, std::int64_t out, bool edges_alone) {
  ResampleAxis axis = empty_axis(2, in == out);
  const double step = static_cast<double>(in) / static_cast<double>(out);
  for (std::int64_t i = 0; i < out; ++i) {
    const auto position = static_cast<float>((static_cast<double>(i) + 0.5) * step - 0.5);
    const float whole = std::floor(position);
    const auto first = static_cast<std::int64_t>(whole);
    const bool outside = first < 0 || first >= in - 1;
    if (edges_alone) {
      add_pair(axis, inside(first, in), outside ? 0.0f : position - whole, in);
    } else {
      add_pair(axis, first, position - whole, in);
    }
  }
  return axis;
}

}  // namespace

ResampleAxis column_axis(std::int64_t in, std::int64_t out) { return opencv_axis(in, out, true); }

ResampleAxis row_axis(std::int64_t in, std::int64_t out) { return opencv_axis(in, out, false); }

ResampleAxis corner_axis(std::int64_t in, std::int64_t out) {
  ResampleAxis axis = empty_axis(2, in == out);
  const float step = out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1) : 0.0f;
  for (std::int64_t i = 0; i < out; ++i) {
    const float position = static_cast<float>(i) * step;
    const std::int64_t first = inside(static_cast<std::int64_t>(position), in);
    add_pair(axis, first, position - static_cast<float>(first), in);
  }
  return axis;
}

ResampleAxis lmb_axis(std::int64_t in, std::int64_t out, double other_step) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  const double reach = std::max(step, other_step) > 1.0 ? step : 1.0;
  const auto beside = static_cast<std::int64_t>(std::ceil(reach));
  const auto terms = static_cast<std::size_t>(2 * beside + 1);
  ResampleAxis axis = empty_axis(terms, in == out && other_step == 1.0);
  std::vector<double> weights(terms);
  for (std::int64_t i = 0; i < out; ++i) {
    const double position = static_cast<double>(i) * step + other_step / 2 - 0.5;
    const auto first = static_cast<std::int64_t>(std::floor(position + 0.5)) - beside;
    double total = 0.0;
    for (std::size_t k = 0; k < terms; ++k) {
      const std::int64_t tap = first + static_cast<std::int64_t>(k);
      const double distance = std::abs(position - static_cast<double>(tap));
      weights[k] = tap < 0 || tap > in - 1 ? 0.0 : std::max(1.0 - distance / reach, 0.0);
      total += weights[k];
      axis.taps[k].push_back(inside(tap, in));
    }
    if (total <= 0.0) total = 1.0;
    for (std::size_t k = 0; k < terms; ++k) {
      axis.weights[k].push_back(static_cast<float>(weights[k] / total));
    }
  }
  return axis;
}

LineResampler::LineResampler(const ResampleAxis& columns) : axis_(columns) {
  if (columns.taps.size() != 2) return;
  for (const float weight : columns.weights[0]) first_.push_back(coefficient(weight));
  for (const float weight : columns.weights[1]) second_.push_back(coefficient(weight));
}

void LineResampler::columns(const std::uint8_t* from, std::int32_t* to) const {
  const std::size_t width = axis_.size();
  if (axis_.identity) {
    std::copy(from, from + width, to);
    return;
  }
  const std::int64_t* first = axis_.taps[0].data();
  const std::int64_t* second = axis_.taps[1].data();
  for (std::size_t i = 0; i < width; ++i) {
    to[i] = (from[first[i]] * first_[i] + from[second[i]] * second_[i]) >> 4;
  }
}

void LineResampler::columns(const float* from, float* to) const {
  const std::size_t width = axis_.size();
  if (axis_.identity) {
    std::copy(from, from + width, to);
    return;
  }
  for (std::size_t k = 0; k < axis_.taps.size(); ++k) {
    const std::int64_t* taps = axis_.taps[k].data();
    const float* weights = axis_.weights[k].data();
    if (k == 0) {
      for (std::size_t i = 0; i < width; ++i) to[i] = from[taps[i]] * weights[i];
    } else {
      for (std::size_t i = 0; i < width; ++i) to[i] += from[taps[i]] * weights[i];
    }
  }
}

void LineResampler::rows(const std::vector<const std::int32_t*>& lines, const ResampleAxis& rows,
                         std::size_t y, std::uint8_t* to) const {
  const std::int32_t y0 = coefficient(rows.weights[0][y]);
  const std::int32_t y1 = coefficient(rows.weights[1][y]);
  // The shifts are those of OpenCV's vector code. Unresampled columns would be 2048 times themselves,
  // shifted by 4: by so much less are they shifted here.
  const int shift = axis_.identity ? 9 : 16;
  for (std::size_t i = 0; i < axis_.size(); ++i) {
    const std::int32_t sum = ((y0 * lines[0][i]) >> shift) + ((y1 * lines[1][i]) >> shift);
    to[i] = static_cast<std::uint8_t>((sum + 2) >> 2);
  }
}

void LineResampler::rows(const std::vector<const float*>& lines, const ResampleAxis& rows, std::size_t y,
                         float* to) const {
  for (std::size_t k = 0; k < lines.size(); ++k) {
    const float weight = rows.weights[k][y];
    const float* line = lines[k];
    if (k == 0) {
      for (std::size_t i = 0; i < axis_.size(); ++i) to[i] = line[i] * weight;
    } else {
      for (std::size_t i = 0; i < axis_.size(); ++i) to[i] += line[i] * weight;
    }
  }
}

}  // namespace flownet2
