// SPDX-License-Identifier: Apache-2.0
// Every launcher, called where no GPU is visible: it must say so, and refuse wrong arguments before. The
// memory is the host's; nothing reads it, since no kernel starts.
#include <flownet2/cuda.hpp>

#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cuda = flownet2::cuda;

namespace {

alignas(16) float memory[4096];

using Call = std::function<void(float* out)>;

std::vector<std::pair<std::string, Call>> calls() {
  const flownet2::Shape shape = {1, 2, 8, 8};
  const cuda::LinkPictures pair = {memory, cuda::Number::float32, 1, 8, 8};
  const cuda::QuarterFlow flow = {memory};
  cuda::Epilogue rows;
  rows.rows = rows.columns = rows.channels = rows.in_pitch = rows.out_pitch = 8;
  const cuda::Scatter grid = {shape, 8, 2, 2};
  cuda::Pictures pictures;
  pictures.first = pictures.second = memory;
  pictures.n = 1;
  pictures.h = pictures.w = 8;
  const cuda::Gather windows = cuda::convolution_windows(shape, 2, 4, 3, 1, 1);
  const auto float32 = cuda::Number::float32;
  const flownet2::Shape one = {1, 1, 8, 8}, large = {1, 2, 16, 16};
  const cuda::ConstTensor x = {memory, float32, shape, cuda::planar(shape)};
  const auto to = [=](float* out, const flownet2::Shape& size) {
    return cuda::MutableTensor{out, float32, size, cuda::channels_last(size)};
  };
  cuda::FlowLayer head;
  head.in = head.out = shape;
  head.in_pitch = head.out_pitch = 2;
  head.kernel = 3;
  head.padding = 1;
  cuda::Correlation correlation;
  correlation.args = {memory, memory, nullptr, 2, 2, 1, 1, 8, 8, 2, 0, 1, 1.0f, 1.0f};
  const auto correlate = [=](float* out) {
    cuda::Correlation call = correlation;
    call.args.out = out;
    const auto kernel = cuda::best_kernel(call);
    if (cuda::supports(kernel, call)) cuda::correlate(call, kernel, nullptr);
  };
  return {
      {"channel_norm", [=](float* out) { cuda::channel_norm(x, to(out, one), nullptr); }},
      {"resize",
       [=](float* out) {
         cuda::resize(x, flownet2::ResizeMode::bilinear, false, to(out, large), nullptr);
       }},
      {"warp", [=](float* out) { cuda::warp(x, x, {}, to(out, shape), nullptr); }},
      {"elementwise", [=](float* out) { cuda::elementwise({}, x, x, to(out, shape), nullptr); }},
      {"correlation", correlate},
      {"flow_head", [=](float* out) { cuda::flow_head(memory, memory, nullptr, out, head, nullptr); }},
      {"flow_up", [=](float* out) { cuda::flow_up(memory, memory, nullptr, out, head, nullptr); }},
      {"gather", [=](float* out) { cuda::gather(memory, windows, 0, 8, out, nullptr); }},
      {"epilogue",
       [=](float* out) { cuda::epilogue(memory, float32, nullptr, out, float32, rows, nullptr); }},
      {"scatter",
       [=](float* out) { cuda::scatter(memory, float32, nullptr, out, float32, grid, 0, 5, nullptr); }},
      {"pack", [=](float* out) { cuda::pack(pictures, out, float32, nullptr); }},
      {"link", [=](float* out) { cuda::link(pair, flow, false, out, nullptr); }},
      {"fusion_link", [=](float* out) { cuda::fusion_link(pair, flow, flow, out, nullptr); }},
  };
}

/// What came of the call, and its text.
std::string thrown(const Call& call, float* out) {
  try {
    call(out);
  } catch (const flownet2::Error& error) {
    return std::string("refused, ") + error.what();
  } catch (const std::runtime_error& error) {
    return std::string("failed, ") + error.what();
  }
  return "nothing";
}

bool holds(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

int main() {
  bool good = true;
  for (const auto& [name, call] : calls()) {
    const std::string without_memory = thrown(call, nullptr);
    const std::string without_gpu = thrown(call, memory);
    std::printf("%s: %s\n%s: %s\n", name.c_str(), without_memory.c_str(), name.c_str(),
                without_gpu.c_str());
    good = good && holds(without_memory, "refused, ") && holds(without_memory, "out has no data") &&
           holds(without_gpu, "failed, ") && holds(without_gpu, "nvidia-smi");
  }
  std::printf("%s\n", good ? "as expected" : "NOT as expected");
  return good ? 0 : 1;
}
