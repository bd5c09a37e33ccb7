// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/cuda/tensor.hpp>
#include <flownet2/export.h>
#include <flownet2/ops.hpp>

namespace flownet2::cuda {

/// A factor of 1 makes a copy: another layout or type, or a piece of a concatenation.
struct Elementwise {
  ElementwiseKind kind = ElementwiseKind::scale;
  float factor = 1.0f;  // of scale alone
  float slope = 1.0f;   // of LeakyReLU; 1: none
};

/// a, b, out of one shape -> out = leaky(kind(a, b)); b is not read for scale. `out` may be a or b
/// itself.
FLOWNET2_API void elementwise(const Elementwise& what, const ConstTensor& a, const ConstTensor& b,
                              const MutableTensor& out, void* stream);

}  // namespace flownet2::cuda
