// SPDX-License-Identifier: Apache-2.0
// The fast correlation kernels against plain loops, for several schedules: status 1 where one is wrong.
// test_mutants.py compiles it with the kernels as they are and with mistakes planted in them.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "cuda/correlation.cu"
#include "error.cpp"
#include "ops/checks.cpp"

namespace {

using namespace flownet2::cuda;

constexpr int kH = 9, kW = 35, kChannels = 441;

/// Whether the kernel is right for every schedule.
template <class T>
bool right(CorrelationKernel kernel, Number number, int channels) {
  std::vector<T> a, b;
  std::uint32_t state = 1;
  for (int i = 0; i < kH * kW * channels; ++i) {
    state = state * 1664525u + 1013904223u;
    a.push_back(T(float(int(state >> 20) - 2048) / 1024));
    b.push_back(T(float(int(state >> 8 & 0xfff) - 2048) / 1024));
  }
  std::vector<float> out(kH * kW * kChannels);
  Correlation call;
  call.in = number;
  call.args = {a.data(), b.data(), out.data(), channels, channels, kChannels, 1,
               kH,       kW,       channels,   kReach,   kStride,  1,         1};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    cuh::set_seed(seed);
    correlate(call, kernel, nullptr);
    for (int i = 0; i < kH * kW * kChannels; ++i) {
      const int d = i % kChannels, p = i / kChannels;
      const int y = p / kW + (d / kSteps - kReach) * kStride,
                x = p % kW + (d % kSteps - kReach) * kStride;
      double sum = 0;
      for (int c = 0; c < channels && y >= 0 && y < kH && x >= 0 && x < kW; ++c) {
        sum += double(float(a[std::size_t(p * channels + c)])) *
               double(float(b[std::size_t((y * kW + x) * channels + c)]));
      }
      if (!(std::fabs(double(out[std::size_t(i)]) - sum) <= 1e-3)) return false;
    }
  }
  return true;
}

}  // namespace

int main() {
  const bool simt = right<float>(CorrelationKernel::simt, Number::float32, 48);
  const bool mma = right<__half>(CorrelationKernel::mma, Number::float16, 96) &&
                   right<__nv_bfloat16>(CorrelationKernel::mma, Number::bfloat16, 96);
  std::printf("simt %s, mma %s\n", simt ? "right" : "wrong", mma ? "right" : "wrong");
  return simt && mma ? 0 : 1;
}
