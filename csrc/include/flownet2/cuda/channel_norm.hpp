// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/export.h>

namespace flownet2::cuda {

/// x (N, C, H, W) -> out (N, 1, H, W), both without gaps, float32; as flownet2::channel_norm.
FLOWNET2_API void channel_norm(const float* x, const Shape& shape, float* out, void* stream);

}  // namespace flownet2::cuda
