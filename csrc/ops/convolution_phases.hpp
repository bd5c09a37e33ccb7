// SPDX-License-Identifier: Apache-2.0
// A transposed convolution with stride s is s * s plain convolutions (phases) with stride 1, each of a
// part of the kernel, whose outputs interleave. A plain convolution is one phase.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/convolution.hpp"

namespace flownet2 {

/// One axis of a phase. Its output number r lies at first + r * step and reads, with tap t, the input at
/// r * stride + start + t; that tap is the kernel's number tap_first + t * tap_step.
struct PhaseAxis {
  std::int64_t first;
  std::int64_t start;
  std::int64_t taps;
  std::int64_t tap_first;
  std::int64_t tap_step;
};

struct Phase {
  PhaseAxis y;
  PhaseAxis x;
};

/// Steps that all phases share.
struct PhaseSteps {
  std::int64_t out_y, out_x;  // between outputs of a phase
  std::int64_t in_y, in_x;    // between what they read
};

PhaseSteps phase_steps(const ConvolutionSpec& spec);

/// Throws Error where there are too many.
std::vector<Phase> phases_of(const ConvolutionSpec& spec);

}  // namespace flownet2
