// SPDX-License-Identifier: Apache-2.0
// From pictures to what a network takes, and from its flow back to the pictures' size: the rules of
// src/flownet2/preprocess.py, equal to the bit.
#pragma once

#include <flownet2/model.hpp>

#include <cstdint>
#include <vector>

#include "model/preprocess_record.hpp"

namespace flownet2 {

/// How pictures of one size meet a network that wants multiples of a number.
struct SizeFit {
  /// Throws Error for SizeRule::crop where nothing would be left.
  SizeFit(SizeRule size_rule, const ImageSize& size, std::int64_t multiple);

  SizeRule rule;
  ImageSize pictures;
  ImageSize network;  // of its input

  /// Size of the flow.
  ImageSize flow() const { return rule == SizeRule::crop ? network : pictures; }
};

/// The pictures, checked by check_pairs, as out (N, 3, H, W) with H and W as fit.network.
void to_tensor(const std::vector<const ImageView*>& pictures, const SizeFit& fit,
               const Preprocess& preprocess, MutableView out);

/// flow (N, 2, H, W) -> views of fit.flow(); resized where the pictures were, and scaled with them.
void to_flow(ConstView flow, const SizeFit& fit, const std::vector<FlowView>& out);

}  // namespace flownet2
