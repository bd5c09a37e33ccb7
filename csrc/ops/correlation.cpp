// SPDX-License-Identifier: Apache-2.0
#include <flownet2/ops.hpp>

#include <algorithm>
#include <vector>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "ops/checks.hpp"
#include "ops/rounding.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "correlation";
constexpr std::int64_t floats_per_line = 16;  // of a cache line

std::int64_t round_up(std::int64_t value, std::int64_t step) { return divide_up(value, step) * step; }

/// Sizes of one call. Displacements that leave the picture at every pixel are not computed: `kept` of
/// the `radius` steps to each side can meet a column of b.
struct Plan {
  Shape shape;
  std::int64_t radius;
  std::int64_t kept;
  std::int64_t stride;
  std::int64_t blocks;
  std::int64_t b_width;

  Plan(const Shape& a, const CorrelationOptions& options)
      : shape(a),
        radius(options.max_displacement / options.stride),
        kept(std::min(radius, (a.w - 1) / options.stride)),
        stride(options.stride),
        blocks((a.w + correlation_block - 1) / correlation_block),
        // An odd number of cache lines: a power of two would send all channels to the same cache sets.
        b_width((round_up(blocks * correlation_block + 2 * kept * stride, floats_per_line) /
                     floats_per_line |
                 1) *
                floats_per_line) {}

  std::int64_t side() const { return 2 * radius + 1; }
  std::int64_t kept_side() const { return 2 * kept + 1; }
  std::int64_t padded_w() const { return blocks * correlation_block; }
};

/// Row y of image n of b -> (C, b_width), the row after kept * stride zeros.
void pack_b(const Plan& plan, ConstView b, std::int64_t n, std::int64_t y, float* to) {
  for (std::int64_t c = 0; c < plan.shape.c; ++c) {
    const float* row = b.plane(n, c) + y * plan.shape.w;
    std::copy(row, row + plan.shape.w, to + c * plan.b_width + plan.kept * plan.stride);
  }
}

/// Row y of image n of a -> (blocks, C, correlation_block); what lies beyond the row stays as it is:
/// zero.
void pack_a(const Plan& plan, ConstView a, std::int64_t n, std::int64_t y, float* to) {
  for (std::int64_t c = 0; c < plan.shape.c; ++c) {
    const float* row = a.plane(n, c) + y * plan.shape.w;
    for (std::int64_t x = 0; x < plan.shape.w; x += correlation_block) {
      const std::int64_t count = std::min(correlation_block, plan.shape.w - x);
      std::copy(row + x, row + x + count, to + x * plan.shape.c + c * correlation_block);
    }
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

/// The output channels of one vertical displacement in row y; sums is (kept_side, padded_w).
void write_row(const Plan& plan, const float* sums, std::int64_t n, std::int64_t iy, std::int64_t y,
               const MutableView& out) {
  const std::int64_t w = plan.shape.w;
  for (std::int64_t ix = 0; ix < plan.side(); ++ix) {
    float* to = out.plane(n, iy * plan.side() + ix) + y * w;
    const std::int64_t k = ix - plan.radius + plan.kept;
    if (sums == nullptr || k < 0 || k >= plan.kept_side()) {
      std::fill(to, to + w, 0.0f);
      continue;
    }
    // Columns without a partner in b are 0 even where a is not finite.
    const std::int64_t dx = (ix - plan.radius) * plan.stride;
    const std::int64_t first = std::max<std::int64_t>(0, -dx);
    const std::int64_t last = std::min(w, w - dx);
    std::fill(to, to + first, 0.0f);
    std::copy(sums + k * plan.padded_w() + first, sums + k * plan.padded_w() + last, to + first);
    std::fill(to + last, to + w, 0.0f);
  }
}

/// All output channels of row y. b is the packed image (H, C, b_width).
void correlate_row(const Plan& plan, const CorrelationOptions& options, ConstView a,
                   const std::vector<float>& b, std::int64_t n, std::int64_t y, const MutableView& out) {
  const std::int64_t channels = plan.shape.c;
  std::vector<float> a_row = working_memory(op, plan.padded_w() * channels);
  std::vector<float> sums = working_memory(op, plan.kept_side() * plan.padded_w());
  pack_a(plan, a, n, y, a_row.data());
  for (std::int64_t iy = 0; iy < plan.side(); ++iy) {
    const std::int64_t partner = y + (iy - plan.radius) * plan.stride;
    if (partner < 0 || partner >= plan.shape.h) {
      write_row(plan, nullptr, n, iy, y, out);
      continue;
    }
    std::fill(sums.begin(), sums.end(), 0.0f);
    active_kernels().correlation_row({a_row.data(), b.data() + partner * channels * plan.b_width,
                                      sums.data(), channels, plan.blocks, plan.b_width, plan.kept_side(),
                                      plan.stride});
    finish(options, channels, plan.kept_side() * plan.padded_w(), sums.data());
    write_row(plan, sums.data(), n, iy, y, out);
  }
}

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
  checked_product(op, checked_product(op, a.c, a.h), checked_product(op, a.w + 4 * floats_per_line, 3));
  return out;
}

void correlation(ConstView a, ConstView b, const CorrelationOptions& options, MutableView out) {
  check_out(op, correlation_shape(a.shape, b.shape, options), out);
  check_data(op, "a", a.data);
  check_data(op, "b", b.data);
  const Plan plan(a.shape, options);
  const std::int64_t packed_row = a.shape.c * plan.b_width;
  std::vector<float> packed = working_memory(op, a.shape.h * packed_row);
  for (std::int64_t n = 0; n < a.shape.n; ++n) {
    const std::int64_t rows = rows_per_task(packed_row);
    parallel_for((a.shape.h + rows - 1) / rows, [&](std::int64_t task) {
      for (std::int64_t y = task * rows; y < std::min((task + 1) * rows, a.shape.h); ++y) {
        pack_b(plan, b, n, y, packed.data() + y * packed_row);
      }
    });
    parallel_for(a.shape.h, [&](std::int64_t y) { correlate_row(plan, options, a, packed, n, y, out); });
  }
}

}  // namespace flownet2
