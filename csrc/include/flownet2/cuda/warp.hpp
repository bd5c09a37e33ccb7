// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/export.h>
#include <flownet2/ops.hpp>

namespace flownet2::cuda {

/// x (N, C, H, W), flow (N, 2, H, W) -> out (N, C, H, W), all without gaps, float32; as flownet2::warp.
FLOWNET2_API void warp(const float* x, const float* flow, const Shape& shape, const WarpOptions& options,
                       float* out, void* stream);

}  // namespace flownet2::cuda
