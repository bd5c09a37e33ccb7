// SPDX-License-Identifier: Apache-2.0
#include <flownet2/ops.hpp>

#include <algorithm>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "warp";

/// What dividing the flow by W - 1 and reading it back in half pixels multiplies a position by.
float half_pixel_scale(std::int64_t size) {
  return static_cast<float>(static_cast<double>(size) /
                            static_cast<double>(std::max(size - 1, std::int64_t{1})));
}

}  // namespace

Shape warp_shape(const Shape& x, const Shape& flow) {
  check_shape(op, "x", x);
  const Shape expected = {x.n, 2, x.h, x.w};
  if (flow != expected) {
    fail(op, "flow must be (N, 2, H, W) = " + to_string(expected) + ", got " + to_string(flow));
  }
  check_shape(op, "flow", flow);
  return x;
}

void warp(ConstView x, ConstView flow, const WarpOptions& options, MutableView out) {
  check_out(op, warp_shape(x.shape, flow.shape), out);
  check_data(op, "x", x.data);
  check_data(op, "flow", flow.data);
  const KernelTable& kernels = active_kernels();
  const auto [batch, channels, h, w] = x.shape;
  const std::int64_t rows = rows_per_task((channels + 4) * w);
  const std::int64_t tasks_per_image = (h + rows - 1) / rows;
  parallel_for(batch * tasks_per_image, [&, h = h, w = w, channels = channels](std::int64_t task) {
    const std::int64_t n = task / tasks_per_image;
    const WarpImage image = {x.plane(n, 0),
                             flow.plane(n, 0),
                             out.plane(n, 0),
                             channels,
                             h,
                             w,
                             half_pixel_scale(w),
                             half_pixel_scale(h),
                             options.padding == Padding::border,
                             options.align_corners,
                             options.mask};
    const std::int64_t first = task % tasks_per_image * rows;
    for (std::int64_t y = first; y < std::min(first + rows, h); ++y) kernels.warp_row(image, y);
  });
}

}  // namespace flownet2
