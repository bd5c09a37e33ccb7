// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/tensor.hpp>
#include <flownet2/export.h>
#include <flownet2/ops.hpp>

namespace flownet2::cuda {

/// x (N, C, H, W) -> out (N, C, height, width); as flownet2::resize.
FLOWNET2_API void resize(const ConstTensor& x, ResizeMode mode, bool align_corners,
                         const MutableTensor& out, void* stream);

}  // namespace flownet2::cuda
