// SPDX-License-Identifier: Apache-2.0
#include "ops/convolution.hpp"

#include "cpu/dispatch.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/winograd_convolution.hpp"

namespace flownet2 {

std::unique_ptr<Convolution> make_convolution(const ConvolutionSpec& spec, const float* weight,
                                              const float* bias) {
  const KernelTable& kernels = active_kernels();
  if (winograd_pays(kernels, spec)) return make_winograd_convolution(kernels, spec, weight, bias);
  return make_direct_convolution(kernels, spec, weight, bias);
}

}  // namespace flownet2
