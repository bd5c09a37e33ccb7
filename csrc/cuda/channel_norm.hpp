// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cuda/tensor.hpp"

namespace flownet2::cuda {

/// x (N, C, H, W) -> out (N, 1, H, W); as flownet2::channel_norm.
void channel_norm(const ConstTensor& x, const MutableTensor& out, void* stream);

}  // namespace flownet2::cuda
