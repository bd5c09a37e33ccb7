// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernel_table.hpp"
#include "cpu/simd_scalar.hpp"
// The bodies below are written against the vocabulary above.
#include "cpu/kernels/channel_norm.inl.hpp"
#include "cpu/kernels/correlation.inl.hpp"
#include "cpu/kernels/resize.inl.hpp"
#include "cpu/kernels/warp.inl.hpp"

namespace flownet2 {

const KernelTable scalar_kernels = {"scalar", correlation_row, warp_row, resize_row, channel_norm_run};

}  // namespace flownet2
