// SPDX-License-Identifier: Apache-2.0
#include "ops/convolution_phases.hpp"

#include <string>

#include "ops/checks.hpp"

namespace flownet2 {
namespace {

/// Each takes memory, however small the kernel is; and a model file may say anything.
constexpr std::int64_t most_phases = 1 << 16;

/// Phase p of an axis: output s * r + p takes tap i of input r + (p + pad - i) / s, where that is whole.
PhaseAxis transposed_axis(std::int64_t p, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  const std::int64_t tap = (p + pad) % stride;
  const std::int64_t taps = tap < kernel ? (kernel - tap + stride - 1) / stride : 0;
  const std::int64_t nearest = (p + pad) / stride;
  // Inputs ascend while the taps descend.
  return {p, nearest - (taps - 1), taps, tap + stride * (taps - 1), -stride};
}

PhaseAxis plain_axis(std::int64_t kernel, std::int64_t pad) { return {0, -pad, kernel, 0, 1}; }

}  // namespace

PhaseSteps phase_steps(const ConvolutionSpec& spec) {
  if (spec.transposed) return {spec.sh, spec.sw, 1, 1};
  return {1, 1, spec.sh, spec.sw};
}

std::vector<Phase> phases_of(const ConvolutionSpec& spec) {
  if (!spec.transposed) return {{plain_axis(spec.kh, spec.ph), plain_axis(spec.kw, spec.pw)}};
  if (spec.sh > most_phases / spec.sw) {
    fail("conv_transpose2d", "rows times columns of stride may be at most " +
                                 std::to_string(most_phases) + ", got " + std::to_string(spec.sh) +
                                 " times " + std::to_string(spec.sw));
  }
  std::vector<Phase> phases;
  for (std::int64_t y = 0; y < spec.sh; ++y) {
    for (std::int64_t x = 0; x < spec.sw; ++x) {
      phases.push_back({transposed_axis(y, spec.kh, spec.sh, spec.ph),
                        transposed_axis(x, spec.kw, spec.sw, spec.pw)});
    }
  }
  return phases;
}

}  // namespace flownet2
