// SPDX-License-Identifier: Apache-2.0
#include "ops/correlation.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "cpu/threads.hpp"
#include "ops/checks.hpp"
#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "correlation";
constexpr std::int64_t floats_per_line = 16;     // of a cache line
constexpr std::int64_t channels_per_chunk = 64;  // the window of b stays in the first-level cache
constexpr std::int64_t blocks_per_task = 4;      // sums and pixels stay in the second-level cache

std::int64_t round_up(std::int64_t value, std::int64_t step) { return divide_up(value, step) * step; }

/// Sizes of one call. Displacements that leave the picture at every pixel are not computed: `kept` of
/// the `radius` steps to each side can meet a column of b.
struct Sizes {
  Shape shape;
  std::int64_t radius;
  std::int64_t kept;
  std::int64_t stride;
  std::int64_t channels;  // whole groups of a blocked tensor are copied
  std::int64_t blocks;    // of pixels in a row
  std::int64_t b_width;

  Sizes(const Shape& a, const CorrelationOptions& options)
      : shape(a),
        radius(options.max_displacement / options.stride),
        kept(std::min(radius, (a.w - 1) / options.stride)),
        stride(options.stride),
        channels(round_up(a.c, channel_block)),
        blocks(divide_up(a.w, correlation_pixels)),
        // An odd number of cache lines: a power of two would send all channels to the same cache sets.
        b_width((round_up(blocks * correlation_pixels + 2 * kept * stride, floats_per_line) /
                     floats_per_line |
                 1) *
                floats_per_line) {}

  std::int64_t side() const { return 2 * radius + 1; }
  std::int64_t kept_side() const { return 2 * kept + 1; }
  std::int64_t out_channels() const { return side() * side(); }
};

/// Row y of image n of b -> (channels, b_width), the row after kept * stride zeros.
void pack_b(const KernelTable& kernels, const Sizes& sizes, const EitherInput& b, std::int64_t n,
            std::int64_t y, float* to) {
  const std::int64_t margin = sizes.kept * sizes.stride;
  take_pixels(kernels, b, n, y, 0, sizes.shape.w, to + margin, sizes.b_width);
  for (std::int64_t c = 0; c < sizes.shape.c; ++c, to += sizes.b_width) {
    std::fill(to, to + margin, 0.0f);
    std::fill(to + margin + sizes.shape.w, to + sizes.b_width, 0.0f);
  }
}

/// Sums -> output values, in place.
void finish(const CorrelationOptions& options, std::int64_t channels, std::int64_t count,
            float* values) {
  if (options.reduction == Reduction::mean) {
    for (std::int64_t i = 0; i < count; ++i) values[i] /= static_cast<float>(channels);
  }
  if (options.leaky_slope) {
    const float slope = *options.leaky_slope;
    for (std::int64_t i = 0; i < count; ++i)
      values[i] = values[i] > 0.0f ? values[i] : values[i] * slope;
  }
}

/// Rows of a, `stride` apart, that meet the same rows of b; and some blocks of their pixels.
struct Task {
  std::int64_t n;
  std::int64_t y, rows;  // the first row
  std::int64_t block, blocks;
};

class Correlation {
 public:
  Correlation(const EitherInput& a, const EitherInput& b, const CorrelationOptions& options,
              const EitherOutput& out)
      : kernels_(active_kernels()),
        a_(a),
        b_(b),
        options_(options),
        out_(out),
        sizes_(a.shape(), options) {}

  /// packed: (H, channels, b_width).
  void run(float* packed) const {
    const std::int64_t packed_row = sizes_.channels * sizes_.b_width;
    for (std::int64_t n = 0; n < sizes_.shape.n; ++n) {
      const std::int64_t rows = rows_per_task(packed_row);
      parallel_for(divide_up(sizes_.shape.h, rows), [&](std::int64_t task) {
        for (std::int64_t y = task * rows; y < std::min((task + 1) * rows, sizes_.shape.h); ++y) {
          pack_b(kernels_, sizes_, b_, n, y, packed + y * packed_row);
        }
      });
      const std::vector<Task> tasks = tasks_of(n);
      parallel_for(static_cast<std::int64_t>(tasks.size()),
                   [&](std::int64_t task) { run_task(tasks[static_cast<std::size_t>(task)], packed); });
    }
  }

  std::int64_t packed_size() const { return sizes_.shape.h * sizes_.channels * sizes_.b_width; }

 private:
  std::vector<Task> tasks_of(std::int64_t n) const {
    const std::int64_t h = sizes_.shape.h;
    const std::int64_t blocks = divide_up(sizes_.blocks, divide_up(sizes_.blocks, blocks_per_task));
    std::vector<Task> tasks;
    for (std::int64_t y = 0; y < h; ++y) {
      if (y / sizes_.stride % kernels_.correlation_rows != 0) continue;
      const std::int64_t rows = std::min(kernels_.correlation_rows, divide_up(h - y, sizes_.stride));
      for (std::int64_t block = 0; block < sizes_.blocks; block += blocks) {
        tasks.push_back({n, y, rows, block, std::min(blocks, sizes_.blocks - block)});
      }
    }
    return tasks;
  }

  std::int64_t sums_size() const { return sizes_.out_channels() * correlation_pixels; }
  std::int64_t pixels_size() const { return sizes_.channels * correlation_pixels; }

  void run_task(const Task& task, const float* packed) const {
    // Of each row and block: the pixels, (channels, correlation_pixels), and the sums.
    float* pixels = thread_scratch(op, task.rows * task.blocks * (pixels_size() + sums_size()));
    float* sums = pixels + task.rows * task.blocks * pixels_size();
    for (std::int64_t row = 0; row < task.rows; ++row) {
      for (std::int64_t i = 0; i < task.blocks; ++i) {
        const std::int64_t x = (task.block + i) * correlation_pixels;
        take_pixels(kernels_, a_, task.n, task.y + row * sizes_.stride, x,
                    std::min(x + correlation_pixels, sizes_.shape.w),
                    pixels + (row * task.blocks + i) * pixels_size(), correlation_pixels);
      }
    }
    std::fill(sums, sums + task.rows * task.blocks * sums_size(), 0.0f);
    for (std::int64_t c = 0; c < sizes_.shape.c; c += channels_per_chunk) {
      // Rows of b from the first that the first row meets to the last that the last one meets.
      for (std::int64_t dy = -sizes_.radius; dy < sizes_.radius + task.rows; ++dy) {
        const std::int64_t y = task.y + dy * sizes_.stride;
        if (y < 0 || y >= sizes_.shape.h) continue;
        add_row(task, packed + (y * sizes_.channels + c) * sizes_.b_width, dy, c, pixels, sums);
      }
    }
    for (std::int64_t row = 0; row < task.rows; ++row) {
      for (std::int64_t i = 0; i < task.blocks; ++i) {
        write_block(task, row, i, sums + (row * task.blocks + i) * sums_size());
      }
    }
  }

  /// What a row of b, dy steps below the task's first row, gives from channel c on.
  void add_row(const Task& task, const float* b, std::int64_t dy, std::int64_t c, const float* pixels,
               float* sums) const {
    // Row i of the task meets it at vertical displacement dy - i.
    const std::int64_t first = std::max<std::int64_t>(dy - sizes_.radius, 0);
    const std::int64_t last = std::min(dy + sizes_.radius + 1, task.rows);
    CorrelationBlock block{};
    block.rows = last - first;
    block.channels = std::min(channels_per_chunk, sizes_.shape.c - c);
    block.b_width = sizes_.b_width;
    block.displacements = sizes_.kept_side();
    block.stride = sizes_.stride;
    for (std::int64_t i = 0; i < task.blocks; ++i) {
      block.b = b + (task.block + i) * correlation_pixels;
      for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t at = row * task.blocks + i;
        const std::int64_t channel =
            (dy - row + sizes_.radius) * sizes_.side() + sizes_.radius - sizes_.kept;
        block.a[row - first] = pixels + at * pixels_size() + c * correlation_pixels;
        block.sums[row - first] = sums + at * sums_size() + channel * correlation_pixels;
      }
      kernels_.correlate_block(block);
    }
  }

  /// Pixels without a partner in b are 0 even where a is not finite.
  void clear_outside(std::int64_t x, float* sums) const {
    for (std::int64_t ix = 0; ix < sizes_.side(); ++ix) {
      const std::int64_t dx = (ix - sizes_.radius) * sizes_.stride;
      const std::int64_t first = std::clamp<std::int64_t>(-dx - x, 0, correlation_pixels);
      const std::int64_t last = std::clamp<std::int64_t>(sizes_.shape.w - dx - x, 0, correlation_pixels);
      if (first == 0 && last == correlation_pixels) continue;
      for (std::int64_t iy = 0; iy < sizes_.side(); ++iy) {
        float* values = sums + (iy * sizes_.side() + ix) * correlation_pixels;
        std::fill(values, values + first, 0.0f);
        std::fill(values + last, values + correlation_pixels, 0.0f);
      }
    }
  }

  void write_block(const Task& task, std::int64_t row, std::int64_t i, float* sums) const {
    const std::int64_t x = (task.block + i) * correlation_pixels;
    const std::int64_t count = std::min(correlation_pixels, sizes_.shape.w - x);
    const std::int64_t first = (task.y + row * sizes_.stride) * sizes_.shape.w + x;
    const std::int64_t channels = sizes_.out_channels();
    clear_outside(x, sums);
    finish(options_, sizes_.shape.c, channels * correlation_pixels, sums);
    if (out_.is_planar()) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::copy_n(sums + c * correlation_pixels, count, out_.planar.plane(task.n, c) + first);
      }
      return;
    }
    for (std::int64_t c = 0; c < channels; c += channel_block) {
      std::array<const float*, channel_block> rows = {};
      for (std::int64_t lane = 0; lane < std::min(channel_block, channels - c); ++lane) {
        rows[static_cast<std::size_t>(lane)] = sums + (c + lane) * correlation_pixels;
      }
      put_pixels(kernels_, rows.data(), task.n, c / channel_block, first, count, out_.blocked);
    }
  }

  const KernelTable& kernels_;
  const EitherInput& a_;
  const EitherInput& b_;
  const CorrelationOptions& options_;
  const EitherOutput& out_;
  Sizes sizes_;
};

}  // namespace

Shape correlation_shape(const Shape& a, const Shape& b, const CorrelationOptions& options) {
  check_shape(op, "a", a);
  if (a != b) fail(op, "b must have the shape of a, " + to_string(a) + ", got " + to_string(b));
  if (options.stride < 1) fail(op, "stride must be at least 1, got " + std::to_string(options.stride));
  if (options.max_displacement < 0) {
    fail(op, "max_displacement must be at least 0, got " + std::to_string(options.max_displacement));
  }
  const std::int64_t side = checked_product(op, options.max_displacement / options.stride, 2) + 1;
  const Shape out = {a.n, checked_product(op, side, side), a.h, a.w};
  check_shape(op, "out", out);
  // The packed image: at most three widths and some padding.
  checked_product(op, checked_product(op, a.c + channel_block, a.h),
                  checked_product(op, a.w + 4 * floats_per_line, 3));
  return out;
}

void correlate(const EitherInput& a, const EitherInput& b, const CorrelationOptions& options,
               const EitherOutput& out) {
  // Kept: fresh memory of that size would be cleared page by page in every call.
  thread_local GrowingFloats packed;
  const Correlation call(a, b, options, out);
  call.run(packed.at_least(op, call.packed_size()));
}

void correlation(ConstView a, ConstView b, const CorrelationOptions& options, MutableView out) {
  check_out(op, correlation_shape(a.shape, b.shape, options), out);
  check_data(op, "a", a.data);
  check_data(op, "b", b.data);
  correlate({a, {}}, {b, {}}, options, {out, {}});
}

}  // namespace flownet2
