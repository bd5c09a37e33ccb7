// SPDX-License-Identifier: Apache-2.0
// Convolutions into few channels, such as a flow: float32 weights and sums in every precision, so that
// halves cost the flow nothing.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/cuda/number.hpp>
#include <flownet2/export.h>

#include <cstdint>

namespace flownet2::cuda {

inline constexpr std::int64_t most_flow_channels = 4;

/// Pixels are NHWC, shapes (N, C, H, W); a pitch is the elements from one pixel to the next, so that
/// both tensors may be channels of wider ones. Kernel, stride and padding are the same down and across.
struct FlowLayer {
  Shape in = {0, 0, 0, 0};
  Shape out = {0, 0, 0, 0};
  Number in_type = Number::float32;
  Number out_type = Number::float32;
  std::int64_t in_pitch = 0;
  std::int64_t out_pitch = 0;
  std::int64_t kernel = 0;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  float slope = 1.0f;  // of LeakyReLU, the last step; 1: none
};

/// Channels of flow_head's weights: the input's, up to a multiple of 8.
inline std::int64_t head_weight_channels(std::int64_t channels) { return (channels + 7) / 8 * 8; }

/// conv2d into at most 4 channels. weight (Co, K, K, head_weight_channels(Ci)) without gaps, aligned to
/// 16 bytes, zeros beyond Ci; bias (Co) or null.
FLOWNET2_API void flow_head(const void* x, const float* weight, const float* bias, void* out,
                            const FlowLayer& layer, void* stream);

/// conv_transpose2d from at most 4 channels of float32 into at most 4. weight (Ci, Co, K, K) without
/// gaps; bias (Co) or null.
FLOWNET2_API void flow_up(const float* x, const float* weight, const float* bias, void* out,
                          const FlowLayer& layer, void* stream);

}  // namespace flownet2::cuda
