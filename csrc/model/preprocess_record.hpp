// SPDX-License-Identifier: Apache-2.0
// The record `preprocess` of a model file.
#pragma once

#include <flownet2/model.hpp>

#include <array>
#include <string>
#include <string_view>

namespace flownet2 {

/// How SizeRule::resize resizes.
enum class Resampling {
  opencv,   // pixels, as cv2.resize(INTER_LINEAR)
  corners,  // floats, less the mean, as torch.nn.functional.interpolate with align_corners=True
  lmb,      // floats, less the mean, as the Resample layer of the authors' Caffe
};

/// How a network takes its pictures: divided by 255, then the mean is subtracted.
struct Preprocess {
  ChannelOrder channel_order = ChannelOrder::bgr;
  std::array<float, 3> mean = {0.0f, 0.0f, 0.0f};  // in that order
  MeanRule mean_rule = MeanRule::given;
  SizeRule size_rule = SizeRule::resize;
  Resampling resampling = Resampling::opencv;
  std::string flow_value = "flow";  // of the network: what is resized on the way back from floats
  std::array<float, 3> second_mean = {0.0f, 0.0f, 0.0f};  // that of the second picture
};

/// The record of a model file's text; throws Error (bad_model_file).
Preprocess parse_preprocess(std::string_view text);

}  // namespace flownet2
