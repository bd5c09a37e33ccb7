// SPDX-License-Identifier: Apache-2.0
// How the direct convolution lays out its weights.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/kernel_table.hpp"
#include "cpu/memory.hpp"
#include "ops/convolution.hpp"
#include "ops/convolution_phases.hpp"

namespace flownet2 {

struct DirectPhase {
  Phase axes;
  std::int64_t first_weight;  // of this phase

  std::int64_t taps() const { return axes.y.taps * axes.x.taps; }

  /// Where the weights of a group of `width` output blocks for an input block begin: phases hold (group,
  /// input block, tap, channel of the block, width, 16).
  std::int64_t weight(const ConvolutionSpec& spec, std::int64_t out_block, std::int64_t width,
                      std::int64_t in_block) const {
    return first_weight +
           taps() * channel_block * (out_block * spec.ci + in_block * channel_block * width);
  }

  /// The same for the narrow form: (input block, tap, output, 16).
  std::int64_t narrow_weight(const ConvolutionSpec& spec, std::int64_t in_block) const {
    return first_weight + in_block * taps() * spec.co * channel_block;
  }
};

/// Inputs that the phases of output (0, 0) read together: rows top ... bottom - 1, columns likewise.
struct DirectReach {
  std::int64_t top, bottom, left, right;
};

struct DirectLayout {
  bool narrow;          // lanes are input channels
  std::int64_t width;   // output blocks of a group
  std::int64_t blocks;  // of the output
  std::vector<DirectPhase> phases;
  DirectReach reach;
  std::int64_t weights;  // floats
};

struct DirectWeights {
  DirectLayout layout;
  AlignedFloats data;
};

DirectWeights pack_direct(const KernelTable& kernels, const ConvolutionSpec& spec, const float* weight);

}  // namespace flownet2
