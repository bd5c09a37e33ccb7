// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess.hpp"

#include <flownet2/error.hpp>

#include <algorithm>
#include <cmath>
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
struct Tables {
  ResampleAxis row_table;
  ResampleAxis column_table;
  LineResampler lines;

  Tables(const ImageSize& from, const ImageSize& to, Resampling kind)
      : row_table(axis(from.height, to.height, from.width, to.width, kind, row_axis)),
        column_table(axis(from.width, to.width, from.height, to.height, kind, column_axis)),
        lines(column_table) {}
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

 private:
  static ResampleAxis axis(std::int64_t in, std::int64_t out, std::int64_t other_in,
                           std::int64_t other_out, Resampling kind,
                           ResampleAxis (*opencv)(std::int64_t, std::int64_t)) {
    if (kind == Resampling::opencv) return opencv(in, out);
    if (kind == Resampling::corners) return corner_axis(in, out);
    return lmb_axis(in, out, static_cast<double>(other_in) / static_cast<double>(other_out));
  }
};

/// Some rows of one plane, resized one after the other: a source line that several of them need is made
/// once.
template <typename Pixel>
class ResizedRows {
 public:
  using Sum = std::conditional_t<std::is_same_v<Pixel, std::uint8_t>, std::int32_t, float>;

  explicit ResizedRows(const Tables& tables, std::int64_t source_width)
      : tables_(tables),
        source_(static_cast<std::size_t>(source_width)),
        kept_(tables.row_table.taps.size()),
        lines_(kept_.size()) {
    for (Line& line : kept_) line.sums.resize(tables.column_table.size());
  }

  /// Row y; read(row, pixels) gives a line of the source.
  template <typename Read>
  void get(std::int64_t y, const Read& read, Pixel* out) {
    const auto at = static_cast<std::size_t>(y);
    for (std::size_t k = 0; k < lines_.size(); ++k)
      lines_[k] = line(tables_.row_table.taps[k][at], read);
    tables_.lines.rows(lines_, tables_.row_table, at, out);
  }

 private:
  struct Line {
    std::int64_t row = -1;
    std::vector<Sum> sums;
  };

  /// The line of a row. What one row of the result reads lies side by side, so no two have one place.
  template <typename Read>
  const Sum* line(std::int64_t row, const Read& read) {
    Line& place = kept_[static_cast<std::size_t>(row) % kept_.size()];
    if (place.row != row) {
      read(row, source_.data());
      tables_.lines.columns(source_.data(), place.sums.data());
      place.row = row;
    }
    return place.sums.data();
  }

  const Tables& tables_;
  std::vector<Pixel> source_;
  std::vector<Line> kept_;
  std::vector<const Sum*> lines_;
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

/// Which channel of the picture is the network's `c`.
std::int64_t channel_of(const ImageView& image, const Preprocess& preprocess, std::int64_t c) {
  if (image.channels == 1) return 0;
  return image.order == preprocess.channel_order ? c : 2 - c;
}

/// Where pixels are resized, and where floats are; at most one of the two.
struct Stretch {
  std::optional<Tables> pixels;
  std::optional<Tables> floats;

  explicit Stretch(const SizeFit& fit) {
    if (fit.rule != SizeRule::resize || fit.network == fit.pictures) return;
    (fit.resizes_floats() ? floats : pixels).emplace(fit.pictures, fit.network, fit.resampling);
  }
};

/// Rows of one channel of a picture of the size fit.fitted(): cropped, padded or resized.
template <typename Pixel>
class FittedRows {
 public:
  FittedRows(const ImageView& image, std::int64_t channel, const SizeFit& fit, const Stretch& stretch)
      : image_(image), channel_(channel), width_(fit.fitted().width) {
    if (stretch.pixels) resized_.emplace(*stretch.pixels, image.width);
    if (fit.rule != SizeRule::crop) return;
    top_ = (image.height - fit.network.height) / 2;
    left_ = (image.width - fit.network.width) / 2;
  }

  void get(std::int64_t y, Pixel* out) {
    if (resized_) {
      const auto read = [this](std::int64_t row, Pixel* to) {
        read_pixels(image_, row, channel_, 0, image_.width, to);
      };
      resized_->get(y, read, out);
      return;
    }
    // Those that are there; the last row and column are repeated for what is missing.
    const std::int64_t there = std::min(width_, image_.width);
    read_pixels(image_, std::min(top_ + y, image_.height - 1), channel_, left_, there, out);
    std::fill(out + there, out + width_, out[there - 1]);
  }

 private:
  const ImageView& image_;
  std::int64_t channel_;
  std::int64_t width_;
  std::int64_t top_ = 0;
  std::int64_t left_ = 0;
  std::optional<ResizedRows<Pixel>> resized_;
};

/// Rows [first, last) of one channel of the network's input.
template <typename Pixel>
void put_rows(const ImageView& image, std::int64_t channel, const SizeFit& fit, const Stretch& stretch,
              const Units& units, std::int64_t first, std::int64_t last, float* out) {
  const std::int64_t fitted = fit.fitted().width;
  std::vector<Pixel> row(static_cast<std::size_t>(fitted));
  FittedRows<Pixel> rows(image, channel, fit, stretch);
  const auto read = [&](std::int64_t y, float* to) {
    rows.get(y, row.data());
    units.convert(row.data(), fitted, to);
  };
  if (!stretch.floats) {
    for (std::int64_t y = first; y < last; ++y, out += fitted) read(y, out);
    return;
  }
  ResizedRows<float> resized(*stretch.floats, fitted);
  for (std::int64_t y = first; y < last; ++y, out += fit.network.width) resized.get(y, read, out);
}

/// A pixel in whole steps, whose sum is the same in any order.
template <typename Pixel>
struct Steps;
template <>
struct Steps<std::uint8_t> {
  static constexpr double of_one = 255.0;
  static std::int64_t count(std::uint8_t pixel) { return pixel; }
};
template <>
struct Steps<float> {
  static constexpr double of_one = 16777216.0;  // 2^24
  static std::int64_t count(float pixel) {
    return static_cast<std::int64_t>(std::nearbyint(pixel * static_cast<float>(of_one)));
  }
};

template <typename Pixel>
std::int64_t sum_of(const ImageView& image, std::int64_t channel, const SizeFit& fit,
                    const Stretch& stretch) {
  const ImageSize size = fit.fitted();
  std::vector<Pixel> row(static_cast<std::size_t>(size.width));
  FittedRows<Pixel> rows(image, channel, fit, stretch);
  std::int64_t sum = 0;
  for (std::int64_t y = 0; y < size.height; ++y) {
    rows.get(y, row.data());
    for (const Pixel pixel : row) sum += Steps<Pixel>::count(pixel);
  }
  return sum;
}

/// What is subtracted from each channel of each of the first pictures, then of each of the second.
std::vector<float> means_of(const Pictures& pictures, const SizeFit& fit, const Stretch& stretch,
                            const Preprocess& preprocess) {
  std::vector<float> means(pictures.size() * 3);
  if (preprocess.mean_rule == MeanRule::given) {
    for (std::size_t i = 0; i < means.size(); ++i) {
      means[i] = (i < means.size() / 2 ? preprocess.mean : preprocess.second_mean)[i % 3];
    }
    return means;
  }
  const bool bytes = pictures.front()->type == PixelType::uint8;
  std::vector<std::int64_t> sums(means.size());
  parallel_for(static_cast<std::int64_t>(sums.size()), [&](std::int64_t plane) {
    const ImageView& image = *pictures[static_cast<std::size_t>(plane / 3)];
    const std::int64_t channel = channel_of(image, preprocess, plane % 3);
    sums[static_cast<std::size_t>(plane)] = bytes ? sum_of<std::uint8_t>(image, channel, fit, stretch)
                                                  : sum_of<float>(image, channel, fit, stretch);
  });
  const double steps = bytes ? Steps<std::uint8_t>::of_one : Steps<float>::of_one;
  const bool pair = preprocess.mean_rule == MeanRule::pair;
  const double pixels =
      static_cast<double>(fit.fitted().height * fit.fitted().width) * (pair ? 2.0 : 1.0);
  for (std::size_t i = 0; i < means.size(); ++i) {
    const std::size_t other = (i + means.size() / 2) % means.size();
    const std::int64_t sum = pair ? sums[i] + sums[other] : sums[i];
    means[i] = static_cast<float>(static_cast<double>(sum) / (steps * pixels));
  }
  return means;
}

float* flow_row(const FlowView& view, std::int64_t y) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(view.width) * 2;
  const std::ptrdiff_t gap = static_cast<std::ptrdiff_t>(sizeof(float));
  return view.data + y * (view.row_stride == 0 ? row : view.row_stride / gap);
}

}  // namespace

SizeFit::SizeFit(SizeRule size_rule, const Preprocess& preprocess, const ImageSize& size,
                 std::int64_t multiple)
    : rule(size_rule == SizeRule::model ? preprocess.size_rule : size_rule),
      resampling(preprocess.resampling),
      pictures(size),
      network(size) {
  if (rule != SizeRule::resize && rule != SizeRule::pad && rule != SizeRule::crop) {
    fail(who, "size_rule must be resize, pad, crop or the model's own");
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

void to_tensors(const Pictures& first, const Pictures& second, const SizeFit& fit,
                const Preprocess& preprocess, MutableView first_out, MutableView second_out) {
  const Stretch stretch(fit);
  Pictures pictures = first;
  pictures.insert(pictures.end(), second.begin(), second.end());
  const std::vector<float> means = means_of(pictures, fit, stretch, preprocess);
  std::vector<Units> units;
  units.reserve(means.size());
  for (const float mean : means) units.emplace_back(mean);
  const std::int64_t bands = bands_of(first_out.shape.h);
  const std::int64_t half = first_out.shape.n * 3;
  parallel_for(2 * half * bands, [&](std::int64_t task) {
    const std::int64_t plane = task / bands;
    const std::int64_t c = plane % 3;
    const ImageView& image = *pictures[static_cast<std::size_t>(plane / 3)];
    const std::int64_t channel = channel_of(image, preprocess, c);
    const std::int64_t begin = task % bands * rows_per_band;
    const std::int64_t end = std::min(begin + rows_per_band, first_out.shape.h);
    const MutableView& out = plane < half ? first_out : second_out;
    float* to = out.plane(plane % half / 3, c) + begin * out.shape.w;
    const Units& unit = units[static_cast<std::size_t>(plane)];
    if (image.type == PixelType::uint8) {
      put_rows<std::uint8_t>(image, channel, fit, stretch, unit, begin, end, to);
    } else {
      put_rows<float>(image, channel, fit, stretch, unit, begin, end, to);
    }
  });
}

void to_flow(ConstView flow, const SizeFit& fit, const std::vector<FlowView>& out) {
  const ImageSize size = fit.flow();
  const ImageSize given = {flow.shape.h, flow.shape.w};
  std::optional<Tables> tables;
  if (fit.rule == SizeRule::resize && fit.network != size) tables.emplace(given, size, fit.resampling);
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
    if (tables) rows.emplace(*tables, given.width);
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
