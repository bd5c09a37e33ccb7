// SPDX-License-Identifier: Apache-2.0
// Convolution by its definition, for any kernel, stride and padding. The sum of each output runs in one
// order, over blocks of input channels, taps and channels, on every instruction set that has FMA.
#pragma once

#include <memory>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"
#include "ops/direct_packing.hpp"

namespace flownet2 {

std::unique_ptr<Convolution> make_direct_convolution(const KernelTable& kernels,
                                                     const ConvolutionSpec& spec, const float* weight,
                                                     const float* bias);

/// The same with weights that others use too.
std::unique_ptr<Convolution> make_direct_convolution(const KernelTable& kernels,
                                                     const ConvolutionSpec& spec,
                                                     std::shared_ptr<const DirectWeights> weights,
                                                     const float* bias);

}  // namespace flownet2
