// SPDX-License-Identifier: Apache-2.0
#include <flownet2/ops.hpp>

#include <algorithm>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "ops/bands.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "channel_norm";
constexpr std::int64_t pixels_per_task = 4096;  // the sums of a task stay in the first-level cache

}  // namespace

void channel_norm_band(const KernelTable& kernels, const Band& band, std::int64_t channels, ConstBand x,
                       MutableBand out) {
  kernels.channel_norm(x.data, channels, x.plane, band.pixels(), out.data);
}

Shape channel_norm_shape(const Shape& x) {
  check_shape(op, "x", x);
  return {x.n, 1, x.h, x.w};
}

void channel_norm(ConstView x, MutableView out) {
  check_out(op, channel_norm_shape(x.shape), out);
  check_data(op, "x", x.data);
  const KernelTable& kernels = active_kernels();
  const std::int64_t plane = x.shape.h * x.shape.w;
  const std::int64_t runs = (plane + pixels_per_task - 1) / pixels_per_task;
  parallel_for(x.shape.n * runs, [&](std::int64_t task) {
    const std::int64_t n = task / runs;
    const std::int64_t first = task % runs * pixels_per_task;
    const std::int64_t count = std::min(pixels_per_task, plane - first);
    kernels.channel_norm(x.plane(n, 0) + first, x.shape.c, plane, count, out.plane(n, 0) + first);
  });
}

}  // namespace flownet2
