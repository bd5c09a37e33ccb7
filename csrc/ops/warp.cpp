// SPDX-License-Identifier: Apache-2.0
#include <flownet2/ops.hpp>

#include <algorithm>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "ops/bands.hpp"
#include "ops/checks.hpp"
#include "ops/half_pixel.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "warp";

}  // namespace

void warp_band(const KernelTable& kernels, const Band& band, ConstView x, ConstBand flow,
               const WarpOptions& options, MutableBand out) {
  WarpRow row{};
  row.x = x.plane(band.n, 0);
  row.channels = x.shape.c;
  row.h = x.shape.h;
  row.w = x.shape.w;
  row.scale_x = half_pixel_scale(row.w);
  row.scale_y = half_pixel_scale(row.h);
  row.border = options.padding != Padding::zeros;
  row.cut = options.padding == Padding::cut;
  row.align_corners = options.align_corners;
  row.mask = options.mask;
  row.flow_plane = flow.plane;
  row.out_plane = out.plane;
  for (row.y = band.first; row.y < band.last; ++row.y) {
    row.flow = flow.data + (row.y - band.first) * band.w;
    row.out = out.data + (row.y - band.first) * band.w;
    kernels.warp_row(row);
  }
}

Shape warp_shape(const Shape& x, const Shape& flow) {
  check_shape(op, "x", x);
  const Shape expected = {x.n, 2, x.h, x.w};
  if (flow != expected) {
    fail(op, "flow must be (N, 2, H, W) = " + to_string(expected) + ", got " + to_string(flow));
  }
  check_shape(op, "flow", flow);
  constexpr std::int64_t longest = 1 << 30;  // the kernel counts rows and columns in 32 bits
  if (std::max(x.h, x.w) > longest) fail(op, "no side may have more than 2 ** 30 pixels");
  return x;
}

void warp(ConstView x, ConstView flow, const WarpOptions& options, MutableView out) {
  check_out(op, warp_shape(x.shape, flow.shape), out);
  check_data(op, "x", x.data);
  check_data(op, "flow", flow.data);
  const KernelTable& kernels = active_kernels();
  const std::int64_t rows = rows_per_task((x.shape.c + 4) * x.shape.w);
  const std::int64_t tasks_per_image = (x.shape.h + rows - 1) / rows;
  parallel_for(x.shape.n * tasks_per_image, [&](std::int64_t task) {
    const std::int64_t first = task % tasks_per_image * rows;
    const Band band = {task / tasks_per_image, first, std::min(first + rows, x.shape.h), x.shape.w};
    warp_band(kernels, band, x, band_of(flow, band), options, band_of(out, band));
  });
}

}  // namespace flownet2
