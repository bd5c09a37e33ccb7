// SPDX-License-Identifier: Apache-2.0
// How the direct convolution lays out its weights.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/kernel_table.hpp"
#include "cpu/memory.hpp"
#include "ops/convolution.hpp"
#include "ops/convolution_phases.hpp"
#include "ops/rounding.hpp"

namespace flownet2 {

struct DirectPhase {
  Phase axes;
  std::int64_t taps_x;        // 1 if the taps of a row are counted as channels (compact)
  std::int64_t first_weight;  // of this phase

  std::int64_t taps() const { return axes.y.taps * taps_x; }

  /// Where the weights of a group of `width` output blocks for an input block begin: phases hold (group,
  /// input block, tap, word of the block, width, 16). `words` are those of all input channels.
  std::int64_t weight(std::int64_t words, std::int64_t out_block, std::int64_t width,
                      std::int64_t in_block) const {
    return first_weight + taps() * channel_block * (out_block * words + in_block * block_words * width);
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
  /// Words of a tap: a float32 or two neighbouring bfloat16 each. Tiles want whole blocks of 16, and
  /// where a pixel has only a few, `compact`: those of all taps of a row are one tap's.
  std::int64_t words;
  std::int64_t pixel_words;  // of the input channels of a pixel
  bool compact;
  bool tiles;           // for a kernel that works on tiles
  bool narrow;          // lanes are input channels
  std::int64_t width;   // output blocks of a group
  std::int64_t blocks;  // of the output
  std::vector<DirectPhase> phases;
  DirectReach reach;
  std::int64_t weights;  // words

  std::int64_t in_blocks() const { return divide_up(words, block_words); }
};

struct DirectWeights {
  DirectLayout layout;
  AlignedFloats data;  // words
};

DirectWeights pack_direct(const KernelTable& kernels, const ConvolutionSpec& spec, const float* weight);

}  // namespace flownet2
