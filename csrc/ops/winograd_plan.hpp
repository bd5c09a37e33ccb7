// SPDX-License-Identifier: Apache-2.0
// How a Winograd convolution is cut, from sizes of caches. Only the choice of the transforms changes
// bits, and it depends on the shapes of weights and picture alone.
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

/// Transforms of F(m, r); throws std::logic_error if there are none.
const WinogradTransforms& winograd_transforms(const WinogradKernels& kernels, std::int64_t m,
                                              std::int64_t r);

/// The transforms with the least work for a picture of that size.
const WinogradTransforms& winograd_transforms_for(const WinogradKernels& kernels,
                                                  const WinogradGeometry& geometry,
                                                  const MutableBlocked& out);

/// Whether the transformed weights are kept and every task works alone, on tiles that stay in its cache.
bool winograd_keeps_factors(const WinogradTransforms& transforms, const WinogradProduct& product,
                            const ConvolutionSpec& spec);

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
