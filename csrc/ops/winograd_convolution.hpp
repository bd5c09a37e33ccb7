// SPDX-License-Identifier: Apache-2.0
// Convolution by Winograd's algorithm: fewer multiplications than the definition asks for, results that
// differ from it by rounding (about 1e-5 of the largest value).
#pragma once

#include <memory>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"

namespace flownet2 {

/// Whether it serves this convolution and was measured to be faster than the direct one.
bool winograd_pays(const KernelTable& kernels, const ConvolutionSpec& spec);

/// Needs kernels.winograd and winograd_serves(spec) (ops/winograd_geometry.hpp).
std::unique_ptr<Convolution> make_winograd_convolution(const KernelTable& kernels,
                                                       const ConvolutionSpec& spec, const float* weight,
                                                       const float* bias);

}  // namespace flownet2
