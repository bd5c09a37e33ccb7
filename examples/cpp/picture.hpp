// SPDX-License-Identifier: Apache-2.0
// A picture file: PPM and PGM by ourselves, everything else through OpenCV where CMake found it.
#pragma once

#include <string>

#include "pnm.hpp"

#ifdef WITH_OPENCV
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#endif

namespace example {

#ifdef WITH_OPENCV
/// OpenCV's pixels as they are: blue first, rows of `step` bytes.
inline Picture decode(const Bytes& data, const std::string& path) {
  cv::Mat mat;
  try {
    mat = cv::imdecode(data, cv::IMREAD_COLOR | cv::IMREAD_ANYDEPTH);
  } catch (const cv::Exception&) {
    // A header that OpenCV refuses: as good as a picture that it cannot read.
  }
  if (mat.empty() || (mat.depth() != CV_8U && mat.depth() != CV_16U)) {
    throw std::runtime_error(path + ": OpenCV cannot read this as a picture of 8 or 16 bits");
  }
  const auto owner = std::make_shared<const cv::Mat>(mat);
  const auto step = static_cast<std::ptrdiff_t>(mat.step);
  const auto bgr = flownet2::ChannelOrder::bgr;
  if (mat.depth() == CV_8U) {
    return {flownet2::interleaved(mat.ptr<std::uint8_t>(), mat.rows, mat.cols, bgr, step), owner};
  }
  return {flownet2::interleaved(mat.ptr<std::uint16_t>(), mat.rows, mat.cols, bgr, step), owner};
}
#else
inline Picture decode(const Bytes&, const std::string& path) {
  throw std::runtime_error(path +
                           ": not a binary PPM or PGM file; this program was built without OpenCV, "
                           "which reads the other formats");
}
#endif

inline Picture read_picture(const std::string& path) {
  const Bytes data = read_file(path);
  return is_pnm(data) ? parse_pnm(data, path) : decode(data, path);
}

}  // namespace example
