// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/tensor.hpp>
#include <flownet2/export.h>
#include <flownet2/ops.hpp>

namespace flownet2::cuda {

/// x (N, C, H, W), flow (N, 2, H, W) of float32 -> out (N, C, H, W); as flownet2::warp. Between any two
/// elements of a plane of x there may be 2 ** 31 - 1 in memory.
FLOWNET2_API void warp(const ConstTensor& x, const ConstTensor& flow, const WarpOptions& options,
                       const MutableTensor& out, void* stream);

}  // namespace flownet2::cuda
