// SPDX-License-Identifier: Apache-2.0
// How a Winograd convolution is cut, from sizes of caches. Only the choice of the transforms changes
// bits, and it depends on the shapes of weights and picture alone, not on the processor.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/kernel_table.hpp"
#include "ops/convolution.hpp"
#include "ops/winograd_geometry.hpp"
#include "ops/winograd_weights.hpp"

namespace flownet2 {

/// The product whose blocks divide those of the output, all phases counted; the largest.
const WinogradProduct& winograd_product_for(const WinogradKernels& kernels, const ConvolutionSpec& spec);

/// The transforms whose factors are kept, so that every task works alone, on tiles that stay in its
/// cache; null: factors are made in every run.
const WinogradTransforms* winograd_kept(const WinogradKernels& kernels, const ConvolutionSpec& spec);

/// Costs count multiply-adds for a pair of input and output channels and an image of that size.
struct WinogradChoice {
  const WinogradTransforms* transforms;
  std::int64_t cost;
};

/// The kept transforms, or those with the least cost.
WinogradChoice winograd_cheapest(const WinogradKernels& kernels, const ConvolutionSpec& spec,
                                 const MutableBlocked& out);

std::int64_t direct_cost(const ConvolutionSpec& spec, const MutableBlocked& out);

/// A task's tiles where factors are kept; a multiple of product.rows.
std::int64_t winograd_local_tiles(const WinogradTransforms& transforms, const WinogradProduct& product,
                                  const ConvolutionSpec& spec, std::int64_t tiles, int threads);

/// Input chunks of `blocks` blocks or less.
std::vector<WinogradChunk> winograd_chunks(const ConvolutionSpec& spec, std::int64_t blocks);

/// Where all tasks share the transformed input: it is made for a band of tiles, then tasks of some tiles
/// and one group of output blocks transform the weights chunk by chunk.
struct WinogradShares {
  std::int64_t band;          // tiles, a multiple of `tiles`
  std::int64_t tiles;         // of a task, a multiple of product.rows
  std::int64_t chunk_blocks;  // input blocks
};

WinogradShares winograd_shares(const WinogradTransforms& transforms, const WinogradProduct& product,
                               const ConvolutionSpec& spec, std::int64_t tiles, int threads);

}  // namespace flownet2
