// SPDX-License-Identifier: Apache-2.0
#include "ops/convolution.hpp"

#include "cpu/dispatch.hpp"
#include "ops/direct_convolution.hpp"

namespace flownet2 {

std::unique_ptr<Convolution> make_convolution(const ConvolutionSpec& spec, const float* weight,
                                              const float* bias) {
  return make_direct_convolution(active_kernels(), spec, weight, bias);
}

}  // namespace flownet2
