// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/export.h>
#include <flownet2/ops.hpp>

namespace flownet2::cuda {

/// x (N, C, H, W) -> out (N, C, height, width), both without gaps, float32; as flownet2::resize.
FLOWNET2_API void resize(const float* x, const Shape& shape, const ResizeOptions& options, float* out,
                         void* stream);

}  // namespace flownet2::cuda
