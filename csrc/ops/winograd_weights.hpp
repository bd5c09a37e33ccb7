// SPDX-License-Identifier: Apache-2.0
// Weights of a Winograd convolution, regrouped by taps: (group of output blocks, input phase, input
// channel, tap, blocks, 16). Groups count the blocks of all output phases, one phase after the other.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.hpp"
#include "cpu/memory.hpp"
#include "ops/convolution.hpp"
#include "ops/winograd_geometry.hpp"

namespace flownet2 {

/// Some input channels of one phase; no chunk crosses a phase.
struct WinogradChunk {
  std::int64_t phase;
  std::int64_t block;  // the first
  std::int64_t blocks;
  std::int64_t channels;
};

class WinogradWeights {
 public:
  WinogradWeights(const ConvolutionSpec& spec, std::int64_t group_blocks, const float* weight);

  std::int64_t groups() const { return groups_; }

  /// Factors of a chunk for a group: (positions, channels, blocks, 16), positions `position` apart.
  void transform(const WinogradTransforms& transforms, std::int64_t group, const WinogradChunk& chunk,
                 float* out, std::int64_t position) const;

 private:
  void regroup(std::int64_t group, const float* weight);
  float* taps_of(std::int64_t group, std::int64_t phase, std::int64_t channel) const;

  ConvolutionSpec spec_;
  WinogradGeometry geometry_;
  std::int64_t group_blocks_;
  std::int64_t groups_;
  AlignedFloats data_;
};

}  // namespace flownet2
