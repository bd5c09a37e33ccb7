// SPDX-License-Identifier: Apache-2.0
// The record `preprocess` of a model file.
#pragma once

#include <flownet2/image.hpp>

#include <array>
#include <string_view>

namespace flownet2 {

/// How a network takes its pictures: divided by 255, then the mean is subtracted.
struct Preprocess {
  ChannelOrder channel_order = ChannelOrder::bgr;
  std::array<float, 3> mean = {0.0f, 0.0f, 0.0f};  // in that order
};

/// The record of a model file's text; throws Error (bad_model_file).
Preprocess parse_preprocess(std::string_view text);

}  // namespace flownet2
