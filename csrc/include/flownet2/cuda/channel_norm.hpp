// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/tensor.hpp>
#include <flownet2/export.h>

namespace flownet2::cuda {

/// x (N, C, H, W) -> out (N, 1, H, W); as flownet2::channel_norm.
FLOWNET2_API void channel_norm(const ConstTensor& x, const MutableTensor& out, void* stream);

}  // namespace flownet2::cuda
