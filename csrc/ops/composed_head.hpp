// SPDX-License-Identifier: Apache-2.0
// Two convolutions in a row with nothing between them are one. A 3x3 one into a 3x3 flow head, both of
// stride 1 and padding 1, is a 5x5 head: for FlowNetSD and the fusion (inter_conv, predict_flow) a
// seventh of the multiplications. The padding between the two is zeros, not values of the first: the
// outer ring of the result lacks some of its taps.
#pragma once

#include <vector>

#include "ops/flow_head.hpp"

namespace flownet2 {

/// The parameters of one convolution; bias may be null.
struct ConvolutionParameters {
  ConvolutionSpec spec;
  const float* weight = nullptr;
  const float* bias = nullptr;
};

/// Whether they fit together, and one is faster than two.
bool can_compose(const ConvolutionSpec& inner, const ConvolutionSpec& head);

/// Of FlowHead's convolution: 5x5, padding 2.
ConvolutionSpec composed_spec(const ConvolutionSpec& inner, const ConvolutionSpec& head);

/// FlowHead's nine sets, summed in double.
std::vector<HeadWeights> compose(const ConvolutionParameters& inner, const ConvolutionParameters& head);

}  // namespace flownet2
