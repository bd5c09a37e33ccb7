// SPDX-License-Identifier: Apache-2.0
// The convolutions of a flow against plain loops, for several schedules: status 1 where one is wrong.
// test_mutants.py compiles it with the kernels as they are and with mistakes planted in them.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

#include "cuda/flow_head.cu"
#include "error.cpp"
#include "ops/checks.cpp"

namespace {

using namespace flownet2;

constexpr int kH = 3, kW = 5, kOutputs = 2;

std::vector<float> values(int count) {
  static std::uint32_t state = 1;
  std::vector<float> made;
  for (int i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    made.push_back(float(int(state >> 20) - 2048) / 1024);
  }
  return made;
}

std::size_t at(int index) { return std::size_t(index); }

bool near(const std::vector<float>& got, const std::vector<double>& expected) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!(std::fabs(double(got[i]) - expected[i]) <= 1e-3)) return false;
  }
  return true;
}

/// 3x3, padding 1. What lies between the pixels is no number.
bool head_right(int channels, int pitch) {
  const int padded = int(cuda::head_weight_channels(channels));
  std::vector<float> x = values(kH * kW * pitch), weight = values(kOutputs * 9 * padded);
  for (int i = 0; i < kH * kW * pitch; ++i) {
    if (i % pitch >= channels) x[at(i)] = std::numeric_limits<float>::quiet_NaN();
  }
  for (int i = 0; i < kOutputs * 9 * padded; ++i) {
    if (i % padded >= channels) weight[at(i)] = 0;
  }
  std::vector<float> out(kH * kW * kOutputs);
  std::vector<double> expected(out.size());
  for (int i = 0; i < kH * kW * kOutputs * 9 * channels; ++i) {
    const int c = i % channels, tap = i / channels % 9, o = i / channels / 9 % kOutputs;
    const int pixel = i / channels / 9 / kOutputs;
    const int y = pixel / kW + tap / 3 - 1, column = pixel % kW + tap % 3 - 1;
    if (y < 0 || y >= kH || column < 0 || column >= kW) continue;
    expected[at(pixel * kOutputs + o)] +=
        double(x[at((y * kW + column) * pitch + c)]) * double(weight[at((o * 9 + tap) * padded + c)]);
  }
  cuda::FlowLayer layer;
  layer.in = {1, channels, kH, kW};
  layer.out = {1, kOutputs, kH, kW};
  layer.in_pitch = pitch;
  layer.out_pitch = kOutputs;
  layer.kernel = 3;
  layer.padding = 1;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    cuh::set_seed(seed);
    cuda::flow_head(x.data(), weight.data(), nullptr, out.data(), layer, nullptr);
    if (!near(out, expected)) return false;
  }
  return true;
}

/// 4x4, stride 2, padding 1, two channels into two.
bool up_right() {
  const std::vector<float> x = values(kH * kW * 2), weight = values(2 * kOutputs * 16);
  std::vector<float> out(4 * kH * kW * kOutputs);
  std::vector<double> expected(out.size());
  for (int i = 0; i < kH * kW * 2 * kOutputs * 16; ++i) {
    const int tap = i % 16, o = i / 16 % kOutputs, c = i / 16 / kOutputs % 2;
    const int pixel = i / 16 / kOutputs / 2;
    const int y = 2 * (pixel / kW) + tap / 4 - 1, column = 2 * (pixel % kW) + tap % 4 - 1;
    if (y < 0 || y >= 2 * kH || column < 0 || column >= 2 * kW) continue;
    expected[at((y * 2 * kW + column) * kOutputs + o)] +=
        double(x[at(pixel * 2 + c)]) * double(weight[at((c * kOutputs + o) * 16 + tap)]);
  }
  cuda::FlowLayer layer;
  layer.in = {1, 2, kH, kW};
  layer.out = {1, kOutputs, 2 * kH, 2 * kW};
  layer.in_pitch = 2;
  layer.out_pitch = kOutputs;
  layer.kernel = 4;
  layer.stride = 2;
  layer.padding = 1;
  cuda::flow_up(x.data(), weight.data(), nullptr, out.data(), layer, nullptr);
  return near(out, expected);
}

}  // namespace

int main() {
  // Shared by 8 lanes, by 32, by a block.
  const bool head = head_right(5, 8) && head_right(50, 52) && head_right(515, 516);
  const bool up = up_right();
  std::printf("head %s, up %s\n", head ? "right" : "wrong", up ? "right" : "wrong");
  return head && up ? 0 : 1;
}
