// SPDX-License-Identifier: Apache-2.0
// Convolution by its definition, for any kernel, stride and padding. The sum of each output runs in one
// order, over blocks of input channels, taps and channels, on every instruction set that has FMA.
#pragma once

#include <memory>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"

namespace flownet2 {

std::unique_ptr<Convolution> make_direct_convolution(const KernelTable& kernels,
                                                     const ConvolutionSpec& spec, const float* weight,
                                                     const float* bias);

}  // namespace flownet2
