// SPDX-License-Identifier: Apache-2.0
// Convolution by Winograd's algorithm: fewer multiplications than the definition asks for, results that
// differ from it by rounding (about 1e-5 of the largest value).
#pragma once

#include <memory>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"
#include "ops/direct_packing.hpp"

namespace flownet2 {

/// Whether it serves this convolution and was measured to be faster than the direct one for all but
/// small pictures.
bool winograd_pays(const KernelTable& kernels, const ConvolutionSpec& spec);

/// Whether it is faster for outputs of that size, where winograd_pays(). The place in a batch has no
/// influence.
bool winograd_pays_at(const KernelTable& kernels, const ConvolutionSpec& spec,
                      const MutableBlocked& out);

/// Needs kernels.winograd, winograd_serves(spec) (ops/winograd_geometry.hpp) and weights for output
/// lanes.
std::unique_ptr<Convolution> make_winograd_convolution(const KernelTable& kernels,
                                                       const ConvolutionSpec& spec,
                                                       std::shared_ptr<const DirectWeights> weights,
                                                       const float* bias);

}  // namespace flownet2
