// SPDX-License-Identifier: Apache-2.0
// One output row of a bilinear resize: the two source rows are blended first, then the blended line is
// read at the columns' taps (torch.nn.functional.interpolate blends columns first: equal but for
// rounding).
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"

namespace flownet2 {
namespace {

void resize_row(const ResizeRow& row) {
  const float top_weight = 1.0f - row.weight;
  for (std::int64_t x = 0; x < row.in_w; ++x) {
    row.line[x] = row.top[x] * top_weight + row.bottom[x] * row.weight;
  }
  for (std::int64_t x = 0; x < row.out_w; ++x) {
    const ResizeTap& tap = row.columns[x];
    row.out[x] = row.line[tap.first] * (1.0f - tap.weight) + row.line[tap.second] * tap.weight;
  }
}

}  // namespace
}  // namespace flownet2
