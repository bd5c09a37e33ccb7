// SPDX-License-Identifier: Apache-2.0
// Factors of a Winograd convolution, from the weights as the direct one packs them: the two share these.
#pragma once

#include <cstdint>
#include <memory>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"
#include "ops/direct_packing.hpp"
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
  /// `weights` must not be narrow. Groups are of `group_blocks` output blocks, all output phases
  /// counted, one phase after the other.
  WinogradWeights(const WinogradKernels& kernels, const ConvolutionSpec& spec, std::int64_t group_blocks,
                  std::shared_ptr<const DirectWeights> weights);

  std::int64_t groups() const;

  /// Factors of a chunk for a group: (positions, channels, blocks, 16), positions `position` apart.
  void transform(const WinogradTransforms& transforms, std::int64_t group, const WinogradChunk& chunk,
                 float* out, std::int64_t position) const;

 private:
  struct Taps;  // of 16 outputs and an input block
  Taps taps_of(std::int64_t out_block, std::int64_t phase, std::int64_t in_block) const;
  void transform_block(const WinogradTransforms& transforms, const Taps& taps, std::int64_t channels,
                       float* out, std::int64_t position) const;

  void transform_pairs(const WinogradTransforms& transforms, const Taps& taps, std::int64_t channels,
                       float* out, std::int64_t position) const;

  const WinogradKernels& kernels_;
  ConvolutionSpec spec_;
  WinogradGeometry geometry_;
  std::int64_t group_blocks_;
  std::shared_ptr<const DirectWeights> weights_;
};

}  // namespace flownet2
