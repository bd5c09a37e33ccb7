// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess.hpp"

#include <flownet2/error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "cpu/threads.hpp"
#include "model/pictures.hpp"
#include "model/resampling.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "flow";
constexpr std::int64_t rows_per_band = 32;
constexpr std::int64_t largest_side = std::numeric_limits<std::int32_t>::max();

std::int64_t bands_of(std::int64_t rows) { return (rows + rows_per_band - 1) / rows_per_band; }

/// Where a plane is resized: tables for all rows and columns.
struct Resampling {
  ResampleAxis row_table;
  ResampleAxis column_table;
  LineResampler lines;

  Resampling(const ImageSize& from, const ImageSize& to)
      : row_table(row_axis(from.height, to.height)),
        column_table(column_axis(from.width, to.width)),
        lines(column_table) {}
  Resampling(const Resampling&) = delete;
  Resampling& operator=(const Resampling&) = delete;
};

/// Some rows of one plane, resized one after the other: a source line that two of them need is made
/// once.
template <typename Pixel>
class ResizedRows {
 public:
  using Sum = std::conditional_t<std::is_same_v<Pixel, std::uint8_t>, std::int32_t, float>;

  explicit ResizedRows(const Resampling& resampling, std::int64_t source_width)
      : resampling_(resampling), source_(static_cast<std::size_t>(source_width)) {
    for (Line& line : lines_) line.sums.resize(resampling.column_table.weight.size());
  }

  /// Row y; read(row, pixels) gives a line of the source.
  template <typename Read>
  void get(std::int64_t y, const Read& read, Pixel* out) {
    const auto at = static_cast<std::size_t>(y);
    const std::int64_t first = resampling_.row_table.first[at];
    const std::int64_t second = resampling_.row_table.second[at];
    const Sum* top = line(first, second, read);
    const Sum* bottom = line(second, first, read);
    resampling_.lines.rows(top, bottom, resampling_.row_table.weight[at], out);
  }

 private:
  struct Line {
    std::int64_t row = -1;
    std::vector<Sum> sums;
  };

  /// The line of a row, made in the place of one that is not `kept`.
  template <typename Read>
  const Sum* line(std::int64_t row, std::int64_t kept, const Read& read) {
    for (const Line& known : lines_) {
      if (known.row == row) return known.sums.data();
    }
    Line& free = lines_[lines_[0].row == kept ? 1 : 0];
    read(row, source_.data());
    resampling_.lines.columns(source_.data(), free.sums.data());
    free.row = row;
    return free.sums.data();
  }

  const Resampling& resampling_;
  std::vector<Pixel> source_;
  Line lines_[2];
};

/// Pixels -> what the network takes.
class Units {
 public:
  explicit Units(float mean) : mean_(mean) {
    // x / 255 rounded once, as mmcv does it; x * (1 / 255) differs for 126 of the 256 values.
    for (std::size_t i = 0; i < 256; ++i) units_[i] = static_cast<float>(static_cast<double>(i) / 255.0);
    if (mean != 0.0f) {
      for (float& unit : units_) unit -= mean;
    }
  }

  void convert(const std::uint8_t* from, std::int64_t count, float* to) const {
    for (std::int64_t i = 0; i < count; ++i) to[i] = units_[from[i]];
  }

  void convert(const float* from, std::int64_t count, float* to) const {
    for (std::int64_t i = 0; i < count; ++i) to[i] = mean_ != 0.0f ? from[i] - mean_ : from[i];
  }

 private:
  float mean_;
  float units_[256];
};

/// Rows [first, last) of one channel of the network's input.
template <typename Pixel>
void put_rows(const ImageView& image, std::int64_t channel, const SizeFit& fit,
              const Resampling* resampling, const Units& units, std::int64_t first, std::int64_t last,
              float* out) {
  const std::int64_t width = fit.network.width;
  std::vector<Pixel> row(static_cast<std::size_t>(width));
  if (resampling != nullptr) {
    ResizedRows<Pixel> rows(*resampling, image.width);
    const auto read = [&](std::int64_t y, Pixel* to) {
      read_pixels(image, y, channel, 0, image.width, to);
    };
    for (std::int64_t y = first; y < last; ++y, out += width) {
      rows.get(y, read, row.data());
      units.convert(row.data(), width, out);
    }
    return;
  }
  // Those that are there; the last row and column are repeated for what is missing.
  const bool crop = fit.rule == SizeRule::crop;
  const std::int64_t top = crop ? (image.height - fit.network.height) / 2 : 0;
  const std::int64_t left = crop ? (image.width - width) / 2 : 0;
  const std::int64_t there = std::min(width, image.width);
  for (std::int64_t y = first; y < last; ++y, out += width) {
    read_pixels(image, std::min(top + y, image.height - 1), channel, left, there, row.data());
    std::fill(row.begin() + there, row.end(), row[static_cast<std::size_t>(there - 1)]);
    units.convert(row.data(), width, out);
  }
}

float* flow_row(const FlowView& view, std::int64_t y) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(view.width) * 2;
  const std::ptrdiff_t gap = static_cast<std::ptrdiff_t>(sizeof(float));
  return view.data + y * (view.row_stride == 0 ? row : view.row_stride / gap);
}

}  // namespace

SizeFit::SizeFit(SizeRule size_rule, const ImageSize& size, std::int64_t multiple)
    : rule(size_rule), pictures(size), network(size) {
  if (rule != SizeRule::resize && rule != SizeRule::pad && rule != SizeRule::crop) {
    fail(who, "size_rule must be resize, pad or crop");
  }
  if (std::min(size.height, size.width) < 1 || std::max(size.height, size.width) > largest_side) {
    fail(who, "pictures must have from 1 to 2^31 - 1 rows and columns, got " +
                  std::to_string(size.height) + "x" + std::to_string(size.width));
  }
  if (rule == SizeRule::crop && std::min(size.height, size.width) < multiple) {
    const std::string side = std::to_string(multiple);
    fail(who, "size_rule crop needs pictures of at least " + side + "x" + side + " pixels, got " +
                  std::to_string(size.height) + "x" + std::to_string(size.width) +
                  "; use resize or pad");
  }
  const std::int64_t more = rule == SizeRule::crop ? 0 : multiple - 1;
  network.height = (size.height + more) / multiple * multiple;
  network.width = (size.width + more) / multiple * multiple;
}

void to_tensor(const std::vector<const ImageView*>& pictures, const SizeFit& fit,
               const Preprocess& preprocess, MutableView out) {
  std::optional<Resampling> resampling;
  if (fit.rule == SizeRule::resize && fit.network != fit.pictures) {
    resampling.emplace(fit.pictures, fit.network);
  }
  const Resampling* chosen = resampling ? &*resampling : nullptr;
  const Units units[3] = {Units(preprocess.mean[0]), Units(preprocess.mean[1]),
                          Units(preprocess.mean[2])};
  const std::int64_t bands = bands_of(out.shape.h);
  parallel_for(out.shape.n * 3 * bands, [&](std::int64_t task) {
    const std::int64_t plane = task / bands;
    const std::int64_t c = plane % 3;
    const ImageView& image = *pictures[static_cast<std::size_t>(plane / 3)];
    const bool same_order = image.order == preprocess.channel_order;
    const std::int64_t channel = image.channels == 1 ? 0 : (same_order ? c : 2 - c);
    const std::int64_t first = task % bands * rows_per_band;
    const std::int64_t last = std::min(first + rows_per_band, out.shape.h);
    float* to = out.plane(plane / 3, c) + first * out.shape.w;
    const Units& unit = units[c];
    if (image.type == PixelType::uint8) {
      put_rows<std::uint8_t>(image, channel, fit, chosen, unit, first, last, to);
    } else {
      put_rows<float>(image, channel, fit, chosen, unit, first, last, to);
    }
  });
}

void to_flow(ConstView flow, const SizeFit& fit, const std::vector<FlowView>& out) {
  const ImageSize size = fit.flow();
  std::optional<Resampling> resampling;
  if (fit.rule == SizeRule::resize && fit.network != size) resampling.emplace(fit.network, size);
  const float factors[2] = {
      static_cast<float>(static_cast<double>(fit.network.width) / static_cast<double>(size.width)),
      static_cast<float>(static_cast<double>(fit.network.height) / static_cast<double>(size.height))};
  const std::int64_t bands = bands_of(size.height);
  parallel_for(flow.shape.n * 2 * bands, [&](std::int64_t task) {
    const std::int64_t plane = task / bands;
    const std::int64_t c = plane % 2;
    const float* from = flow.plane(plane / 2, c);
    const std::int64_t first = task % bands * rows_per_band;
    const std::int64_t last = std::min(first + rows_per_band, size.height);
    std::vector<float> row(static_cast<std::size_t>(size.width));
    std::optional<ResizedRows<float>> rows;
    if (resampling) rows.emplace(*resampling, fit.network.width);
    const auto read = [&](std::int64_t y, float* to) {
      std::copy_n(from + y * flow.shape.w, flow.shape.w, to);
    };
    for (std::int64_t y = first; y < last; ++y) {
      const float* values = from + y * flow.shape.w;
      if (rows) {
        rows->get(y, read, row.data());
        for (float& value : row) value /= factors[c];
        values = row.data();
      }
      float* to = flow_row(out[static_cast<std::size_t>(plane / 2)], y) + c;
      for (std::int64_t x = 0; x < size.width; ++x) to[2 * x] = values[x];
    }
  });
}

}  // namespace flownet2
