// SPDX-License-Identifier: Apache-2.0
// What docs/embedding.md quotes; main.cpp calls it.
#pragma once

#include <flownet2/flownet2.hpp>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

/// Four channels, blue first, rows with a gap: a screen, a camera.
inline flownet2::ImageView bgra(const std::uint8_t* data, int height, int width,
                                std::ptrdiff_t row_stride) {
  auto view = flownet2::interleaved(data, height, width, flownet2::ChannelOrder::bgr, row_stride);
  view.pixel_stride = 4;
  return view;
}

/// The last row first, as bitmaps and OpenGL have it.
inline flownet2::ImageView bottom_up(const std::uint8_t* rgb, int height, int width) {
  return flownet2::interleaved(rgb + 3 * width * (height - 1), height, width,
                               flownet2::ChannelOrder::rgb, -3 * width);
}

inline void one_buffer(const flownet2::Model& model, const std::vector<flownet2::ImageView>& frames) {
  const flownet2::ImageSize size = model.flow_size({frames[0].height, frames[0].width});
  std::vector<float> buffer(static_cast<std::size_t>(size.height * size.width * 2));
  const flownet2::FlowView flow = {buffer.data(), size.height, size.width};
  for (std::size_t i = 1; i < frames.size(); ++i) {
    model.flow(frames[i - 1], frames[i], flow);  // in the working memory of the call before
  }
}

inline void in_one_run(const flownet2::Model& model, const std::vector<flownet2::ImagePair>& pairs,
                       std::vector<std::vector<float>>& flows) {
  std::vector<flownet2::FlowView> out;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    out.push_back({flows[i].data(), pairs[i].image1.height, pairs[i].image1.width});
  }
  model.flow(pairs, out);
}

/// Two threads on one model, each with the pictures of its own camera.
inline void two_cameras(const flownet2::Model& model, const flownet2::ImagePair& left,
                        const flownet2::ImagePair& right, flownet2::Flow& left_flow,
                        flownet2::Flow& right_flow) {
  std::thread other([&] { left_flow = model.flow(left.image1, left.image2); });
  right_flow = model.flow(right.image1, right.image2);
  other.join();
}

/// Whether the model computes what its file expects; true too for a file that expects nothing.
inline bool computes_rightly(const flownet2::Model& model) {
  const flownet2::SelfCheck found = model.self_check();
  if (!found.stored || found.passed) return true;
  std::fprintf(stderr, "flow is off by %g pixels on average, %g at most\n", found.mean, found.largest);
  return false;
}

/// True if the flow was computed, false if `stop` became true before.
inline bool unless_stopped(const flownet2::Model& model, const flownet2::ImagePair& pair,
                           const std::atomic<bool>& stop, flownet2::Flow& flow) {
  flownet2::FlowOptions options;
  options.stop = [&stop] { return stop.load(); };
  options.progress = [](double done) { std::fprintf(stderr, "\r%3.0f %%", done * 100); };
  try {
    flow = model.flow(pair.image1, pair.image2, options);
    return true;
  } catch (const flownet2::Error& error) {
    if (error.code() != flownet2::ErrorCode::cancelled) throw;
    return false;
  }
}
