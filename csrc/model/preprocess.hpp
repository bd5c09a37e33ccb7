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
  /// SizeRule::model stands for that of the record. Throws Error for SizeRule::crop where nothing would
  /// be left.
  SizeFit(SizeRule size_rule, const Preprocess& preprocess, const ImageSize& size,
          std::int64_t multiple);

  SizeRule rule;
  Resampling resampling;
  ImageSize pictures;
  ImageSize network;  // of its input

  /// Whether it is floats that are resized, after the mean was subtracted.
  bool resizes_floats() const {
    return rule == SizeRule::resize && resampling != Resampling::opencv && network != pictures;
  }
  /// Size of the pixels from which the mean is subtracted.
  ImageSize fitted() const { return resizes_floats() ? pictures : network; }
  /// Size of the flow.
  ImageSize flow() const { return rule == SizeRule::crop ? network : pictures; }
};

using Pictures = std::vector<const ImageView*>;

/// Pairs of pictures, checked by check_pairs, as outputs (N, 3, H, W) with H and W as fit.network.
void to_tensors(const Pictures& first, const Pictures& second, const SizeFit& fit,
                const Preprocess& preprocess, MutableView first_out, MutableView second_out);

/// flow (N, 2, h, w), in pixels of the size fit.network, -> views of fit.flow(); resized where the
/// pictures were, and scaled with them.
void to_flow(ConstView flow, const SizeFit& fit, const std::vector<FlowView>& out);

}  // namespace flownet2
