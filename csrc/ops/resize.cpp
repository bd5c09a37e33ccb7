// SPDX-License-Identifier: Apache-2.0
#include <flownet2/ops.hpp>

#include <algorithm>
#include <vector>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "ops/bands.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "resize";

/// Where each of `out` positions reads a line of `in` elements.
std::vector<ResizeTap> make_taps(std::int64_t in, std::int64_t out, const ResizeOptions& options) {
  std::vector<ResizeTap> taps(static_cast<std::size_t>(out));
  const bool corners = options.align_corners;
  const double step =
      corners ? static_cast<double>(in - 1) / static_cast<double>(std::max<std::int64_t>(out - 1, 1))
              : static_cast<double>(in) / static_cast<double>(out);
  std::int64_t i = 0;
  for (ResizeTap& tap : taps) {
    if (options.mode == ResizeMode::nearest) {
      tap = {i * in / out, i * in / out, 0.0f};
    } else {
      const double at = static_cast<double>(i);
      const double position = corners ? at * step : std::max((at + 0.5) * step - 0.5, 0.0);
      const std::int64_t first = std::min(static_cast<std::int64_t>(position), in - 1);
      tap = {first, std::min(first + 1, in - 1),
             static_cast<float>(position - static_cast<double>(first))};
    }
    ++i;
  }
  return taps;
}

void nearest_row(const float* from, const std::vector<ResizeTap>& columns, float* to) {
  for (const ResizeTap& tap : columns) *to++ = from[tap.first];
}

}  // namespace

ResizeTable::ResizeTable(const Shape& in, const ResizeOptions& options)
    : nearest_(options.mode == ResizeMode::nearest),
      lines_(make_taps(in.h, options.height, options)),
      columns_(make_taps(in.w, options.width, options)) {}

void ResizeTable::run(const KernelTable& kernels, const Band& band, ConstView x, std::int64_t c,
                      float* out) const {
  const std::int64_t w = x.shape.w;
  const float* from = x.plane(band.n, c);
  std::vector<float> line = working_memory(op, w);
  for (std::int64_t y = band.first; y < band.last; ++y, out += band.w) {
    const ResizeTap& tap = lines_[static_cast<std::size_t>(y)];
    const float* top = from + tap.first * w;
    if (nearest_) {
      nearest_row(top, columns_, out);
    } else {
      kernels.resize_row(
          {top, from + tap.second * w, tap.weight, w, columns_.data(), band.w, line.data(), out});
    }
  }
}

Shape resize_shape(const Shape& x, const ResizeOptions& options) {
  check_shape(op, "x", x);
  if (options.height < 1 || options.width < 1) {
    fail(op, "size must be at least (1, 1), got (" + std::to_string(options.height) + ", " +
                 std::to_string(options.width) + ")");
  }
  if (options.align_corners && options.mode == ResizeMode::nearest) {
    fail(op, "align_corners has no meaning for mode 'nearest'");
  }
  const Shape out = {x.n, x.c, options.height, options.width};
  check_shape(op, "out", out);
  checked_product(op, x.h, out.h);
  checked_product(op, x.w, out.w);
  return out;
}

void resize(ConstView x, const ResizeOptions& options, MutableView out) {
  check_out(op, resize_shape(x.shape, options), out);
  check_data(op, "x", x.data);
  const KernelTable& kernels = active_kernels();
  const ResizeTable table(x.shape, options);
  const std::int64_t rows = rows_per_task(x.shape.w + options.width);
  const std::int64_t tasks_per_plane = (options.height + rows - 1) / rows;
  parallel_for(x.shape.n * x.shape.c * tasks_per_plane, [&](std::int64_t task) {
    const std::int64_t plane = task / tasks_per_plane;
    const std::int64_t first = task % tasks_per_plane * rows;
    const Band band = {plane / x.shape.c, first, std::min(first + rows, options.height), options.width};
    const std::int64_t c = plane % x.shape.c;
    table.run(kernels, band, x, c, out.plane(band.n, c) + first * options.width);
  });
}

}  // namespace flownet2
