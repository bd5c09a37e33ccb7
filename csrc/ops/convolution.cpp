// SPDX-License-Identifier: Apache-2.0
#include "ops/convolution.hpp"

#include "cpu/dispatch.hpp"
#include "ops/direct_convolution.hpp"
#include "ops/winograd_convolution.hpp"

namespace flownet2 {
namespace {

/// Winograd's algorithm where the picture is large enough, both from one copy of the weights.
class SizedConvolution final : public Convolution {
 public:
  SizedConvolution(const KernelTable& kernels, const ConvolutionSpec& spec, const float* weight,
                   const float* bias)
      : kernels_(kernels), spec_(spec) {
    const auto weights = std::make_shared<const DirectWeights>(pack_direct(kernels, spec, weight));
    direct_ = make_direct_convolution(kernels, spec, weights, bias);
    winograd_ = make_winograd_convolution(kernels, spec, weights, bias);
  }

  void run(const ConstBlocked& in, const MutableBlocked& out) const override {
    (winograd_pays_at(kernels_, spec_, out) ? winograd_ : direct_)->run(in, out);
  }

 private:
  const KernelTable& kernels_;
  ConvolutionSpec spec_;
  std::unique_ptr<Convolution> direct_;
  std::unique_ptr<Convolution> winograd_;
};

}  // namespace

std::unique_ptr<Convolution> make_convolution(const ConvolutionSpec& spec, const float* weight,
                                              const float* bias) {
  const KernelTable& kernels = active_kernels();
  if (winograd_pays(kernels, spec)) {
    return std::make_unique<SizedConvolution>(kernels, spec, weight, bias);
  }
  return make_direct_convolution(kernels, spec, weight, bias);
}

}  // namespace flownet2
