// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/ops.hpp>

#include "cuda/tensor.hpp"

namespace flownet2::cuda {

/// x (N, C, H, W) -> out (N, C, height, width); as flownet2::resize.
void resize(const ConstTensor& x, ResizeMode mode, bool align_corners, const MutableTensor& out,
            void* stream);

}  // namespace flownet2::cuda
