// SPDX-License-Identifier: Apache-2.0
// All kernels of one instruction set. Files of instruction sets use no std:: templates and nothing else
// that the linker merges: it could keep the copy with instructions that another processor lacks.
#pragma once

#include "cpu/kernel_table.hpp"
#include "cpu/kernels/channel_norm.inl.hpp"
#include "cpu/kernels/convolution.inl.hpp"
#include "cpu/kernels/correlation.inl.hpp"
#include "cpu/kernels/flow_head.inl.hpp"
#include "cpu/kernels/peak.inl.hpp"
#include "cpu/kernels/resize.inl.hpp"
#include "cpu/kernels/transpose.inl.hpp"
#include "cpu/kernels/warp.inl.hpp"
#include "cpu/kernels/winograd.inl.hpp"

namespace flownet2 {
namespace {

/// A constant expression: nothing of the table runs before the processor is known.
constexpr KernelTable make_table(const char* name) {
  return {
      name,
      vec_width,
      // changes of layout
      take_channels<float>,
      take_channels<bfloat16>,
      put_channels<float>,
      put_channels<bfloat16>,
      // planar operators
      correlation_rows,
      correlate_block,
      warp_row,
      resize_row,
      channel_norm_run,
      // convolution into few channels
      head_product,
      head_add,
      // direct convolution
      convolution_blocks,
      convolution_strip,
      pairs_strip,
      pairs_rate,
      false,
      // with four lanes the transforms eat what the products save
      vec_width >= 8 ? &winograd_kernels : nullptr,
      // calibration
      peak_fma,
      peak_bf16,
  };
}

}  // namespace
}  // namespace flownet2
