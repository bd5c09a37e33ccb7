// SPDX-License-Identifier: Apache-2.0
#include "ops/eager_convolution.hpp"

namespace flownet2 {

Shape conv2d_shape(const Shape& x, const Shape& weight, const ConvolutionOptions& options) {
  return checked_convolved_shape(ConvolutionKind::plain, x, weight, options);
}

void conv2d(ConstView x, ConstView weight, ConstView bias, const ConvolutionOptions& options,
            MutableView out) {
  convolve(ConvolutionKind::plain, x, weight, bias, options, {}, out);
}

}  // namespace flownet2
