// SPDX-License-Identifier: Apache-2.0
// out = sqrt(sum over c of x ** 2), no epsilon (Caffe `ChannelNorm`). Channels are added in order.
#pragma once

#include <cstdint>
#include <math.h>

namespace flownet2 {
namespace {

void channel_norm_run(const float* x, std::int64_t channels, std::int64_t plane, std::int64_t count,
                      float* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = x[i] * x[i];
  for (std::int64_t c = 1; c < channels; ++c) {
    const float* values = x + c * plane;
    for (std::int64_t i = 0; i < count; ++i) out[i] += values[i] * values[i];
  }
  for (std::int64_t i = 0; i < count; ++i) out[i] = sqrtf(out[i]);
}

}  // namespace
}  // namespace flownet2
