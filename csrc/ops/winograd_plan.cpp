// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_plan.hpp"

#include <algorithm>

#include "ops/rounding.hpp"

#if defined(__unix__)
#include <unistd.h>
#endif

namespace flownet2 {
namespace {

constexpr std::int64_t float_bytes = sizeof(float);
constexpr std::int64_t pixel_bytes = channel_block * float_bytes;
constexpr std::int64_t most_kept = 5 << 19;    // 2.5 MiB of transformed weights, read by every task
constexpr std::int64_t most_tile = 56 << 10;   // of which a panel must fit the second-level cache
constexpr std::int64_t most_shared = 8 << 20;  // transformed input of a band
constexpr std::int64_t tasks_per_thread = 4;

std::int64_t find_second_level() {
  constexpr std::int64_t safe = 1 << 20;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  const std::int64_t found = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (found > 0) return std::clamp<std::int64_t>(found, safe / 4, 4 * safe);
#endif
  return safe;
}

/// What a task may fill of the second-level cache.
std::int64_t cache_budget() {
  static const std::int64_t bytes = find_second_level() / 10 * 8;
  return bytes;
}

std::int64_t positions(const WinogradTransforms& transforms) {
  return transforms.side() * transforms.side();
}

const WinogradTransforms& largest_tiles(const WinogradKernels& kernels, std::int64_t r) {
  const WinogradTransforms* largest = nullptr;
  for (const WinogradTransforms& transforms : kernels.transforms) {
    if (transforms.r == r && (largest == nullptr || transforms.m > largest->m)) largest = &transforms;
  }
  return *largest;
}

/// Bytes of a tile, transformed, all input channels.
std::int64_t tile_bytes(const WinogradTransforms& transforms, const ConvolutionSpec& spec) {
  return positions(transforms) * WinogradGeometry(spec).in_phases() * blocks_of(spec.ci) * pixel_bytes;
}

/// Bytes of a tile's sums for one group of output blocks.
std::int64_t sums_bytes(const WinogradTransforms& transforms, const WinogradProduct& product) {
  return positions(transforms) * product.blocks * pixel_bytes;
}

/// At most `most` tiles, at least one panel, parts of `tiles` of nearly equal size, whole panels.
std::int64_t whole_panels(std::int64_t tiles, std::int64_t most, const WinogradProduct& product) {
  const std::int64_t panels = divide_up(tiles, product.rows);
  const std::int64_t part = std::clamp<std::int64_t>(most / product.rows, 1, panels);
  return divide_up(panels, divide_up(panels, part)) * product.rows;
}

}  // namespace

const WinogradProduct& winograd_product_for(const WinogradKernels& kernels,
                                            const ConvolutionSpec& spec) {
  const std::int64_t blocks = WinogradGeometry(spec).out_phases() * blocks_of(spec.co);
  const WinogradProduct* product = kernels.products;
  while (product->run == nullptr || blocks % product->blocks != 0) ++product;
  return *product;
}

const WinogradTransforms* winograd_kept(const WinogradKernels& kernels, const ConvolutionSpec& spec) {
  const WinogradGeometry geometry(spec);
  const WinogradTransforms& transforms = largest_tiles(kernels, geometry.taps());
  const std::int64_t factors = positions(transforms) * geometry.in_phases() * spec.ci *
                               geometry.out_phases() * blocks_of(spec.co) * pixel_bytes;
  return factors <= most_kept && tile_bytes(transforms, spec) <= most_tile ? &transforms : nullptr;
}

WinogradChoice winograd_cheapest(const WinogradKernels& kernels, const ConvolutionSpec& spec,
                                 const MutableBlocked& out) {
  constexpr std::int64_t weight_tiles = 4;  // making the factors takes as long as so many tiles
  const WinogradGeometry geometry(spec);
  const WinogradTransforms* kept = winograd_kept(kernels, spec);
  WinogradChoice best{};
  for (const WinogradTransforms& transforms : kernels.transforms) {
    if (kept != nullptr ? &transforms != kept : transforms.r != geometry.taps()) continue;
    const std::int64_t tiles =
        divide_up(geometry.grid(out.h), transforms.m) * divide_up(geometry.grid(out.w), transforms.m);
    const std::int64_t cost = positions(transforms) * (tiles + (kept != nullptr ? 0 : weight_tiles)) *
                              geometry.in_phases() * geometry.out_phases();
    if (best.transforms == nullptr || cost < best.cost) best = {&transforms, cost};
  }
  return best;
}

std::int64_t direct_cost(const ConvolutionSpec& spec, const MutableBlocked& out) {
  const std::int64_t taps = spec.kh * spec.kw;
  return out.h * out.w * (spec.transposed ? taps / (spec.sh * spec.sw) : taps);
}

std::int64_t winograd_local_tiles(const WinogradTransforms& transforms, const WinogradProduct& product,
                                  const ConvolutionSpec& spec, std::int64_t tiles, int threads) {
  const std::int64_t fit =
      cache_budget() / (tile_bytes(transforms, spec) + sums_bytes(transforms, product));
  return whole_panels(tiles, std::min(fit, divide_up(tiles, tasks_per_thread * threads)), product);
}

std::vector<WinogradChunk> winograd_chunks(const ConvolutionSpec& spec, std::int64_t blocks) {
  std::vector<WinogradChunk> chunks;
  const std::int64_t all = blocks_of(spec.ci);
  for (std::int64_t phase = 0; phase < WinogradGeometry(spec).in_phases(); ++phase) {
    for (std::int64_t block = 0; block < all; block += blocks) {
      const std::int64_t count = std::min(blocks, all - block);
      chunks.push_back(
          {phase, block, count, std::min(count * channel_block, spec.ci - block * channel_block)});
    }
  }
  return chunks;
}

WinogradShares winograd_shares(const WinogradTransforms& transforms, const WinogradProduct& product,
                               const ConvolutionSpec& spec, std::int64_t tiles, int threads) {
  const WinogradGeometry geometry(spec);
  const std::int64_t groups = geometry.out_phases() * blocks_of(spec.co) / product.blocks;
  WinogradShares shares{};
  const std::int64_t most_band = std::max<std::int64_t>(most_shared / tile_bytes(transforms, spec), 1);
  const std::int64_t band = divide_up(tiles, divide_up(tiles, most_band));

  std::int64_t most = cache_budget() / 3 * 2 / sums_bytes(transforms, product);
  const std::int64_t parts = divide_up(tasks_per_thread * threads, groups);
  if (threads > 1) most = std::min(most, divide_up(band, parts));
  shares.tiles = whole_panels(band, most, product);
  shares.band = divide_up(band, shares.tiles) * shares.tiles;

  // The factors are written beside the weights that stream in: they leave room for those.
  const std::int64_t factors =
      std::min(cache_budget() / 2, cache_budget() - sums_bytes(transforms, product) * shares.tiles);
  const std::int64_t block =
      positions(transforms) * product.blocks * channel_block * pixel_bytes;  // of one input block
  shares.chunk_blocks = std::clamp<std::int64_t>(factors / block, 1, blocks_of(spec.ci));
  return shares;
}

}  // namespace flownet2
