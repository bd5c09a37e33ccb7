// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_weights.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/unroll.hpp"

namespace flownet2 {

struct WinogradWeights::Taps {
  const float* first;    // tap (0, 0) of the first channel
  std::int64_t row;      // elements between rows of taps
  std::int64_t column;   // elements between columns
  std::int64_t channel;  // elements between channels, or between pairs of them
  std::int64_t next;     // elements to the same channel of the next block
  std::int64_t used_y;   // taps that the kernel has; the others are 0
  std::int64_t used_x;
};

namespace {

constexpr std::int64_t most_taps = 4;  // a side

}  // namespace

WinogradWeights::WinogradWeights(const WinogradKernels& kernels, const ConvolutionSpec& spec,
                                 std::int64_t group_blocks, std::shared_ptr<const DirectWeights> weights)
    : kernels_(kernels),
      spec_(spec),
      geometry_(spec),
      group_blocks_(group_blocks),
      weights_(std::move(weights)) {}

std::int64_t WinogradWeights::groups() const {
  return geometry_.out_phases() * blocks_of(spec_.co) / group_blocks_;
}

WinogradWeights::Taps WinogradWeights::taps_of(std::int64_t out_block, std::int64_t phase,
                                               std::int64_t in_block) const {
  const DirectLayout& layout = weights_->layout;
  const std::int64_t block = out_block % layout.blocks;
  const DirectPhase& source = layout.phases[static_cast<std::size_t>(out_block / layout.blocks)];
  const std::int64_t first = block / layout.width * layout.width;
  const std::int64_t width = std::min(layout.width, layout.blocks - first);
  // A block of words holds one or two groups of input channels.
  const std::int64_t per_word = groups_per_block(spec_.element);
  const std::int64_t word_block = in_block / per_word;
  const std::int64_t words = std::min(block_words, layout.words - word_block * block_words);
  const std::int64_t lanes = width * channel_block;
  const std::int64_t tap = words * lanes;
  // Taps of the direct convolution ascend with the inputs they read, as those of a tile do.
  const std::int64_t step = geometry_.in_step();
  const std::int64_t kernel_row = source.axes.x.taps * tap;
  Taps taps{};
  taps.first = weights_->data.get() + source.weight(layout.words, first, width, word_block) +
               in_block % per_word * (block_words / 2) * lanes + phase / 2 * kernel_row +
               phase % 2 * tap + (block - first) * channel_block;
  taps.row = step * kernel_row;
  taps.column = step * tap;
  taps.channel = lanes;
  taps.next = (in_block + per_word) * channel_block < spec_.ci ? source.taps() * tap : 0;
  taps.used_y = geometry_.used_taps(phase / 2);
  taps.used_x = geometry_.used_taps(phase % 2);
  return taps;
}

void WinogradWeights::transform_block(const WinogradTransforms& transforms, const Taps& taps,
                                      std::int64_t channels, float* out, std::int64_t position) const {
  const std::int64_t r = geometry_.taps();
  const bool whole = taps.used_y == r && taps.used_x == r;
  alignas(64) float filled[most_taps * most_taps * channel_block] = {};
  const float* from = taps.first;
  for (std::int64_t c = 0; c < channels;
       ++c, from += taps.channel, out += group_blocks_ * channel_block) {
    for (std::int64_t y = 0; y < taps.used_y; ++y) {
      for (std::int64_t x = 0; x < taps.used_x; ++x) {
        const float* tap = from + y * taps.row + x * taps.column;
        FLOWNET2_PREFETCH(tap + taps.next);  // those of deep layers come from memory
        if (!whole) {
          std::memcpy(filled + (y * r + x) * channel_block, tap, channel_block * sizeof(float));
        }
      }
    }
    if (whole) {
      transforms.weights(from, taps.row, taps.column, out, position);
    } else {
      transforms.weights(filled, r * channel_block, channel_block, out, position);
    }
  }
}

/// The same from pairs of channels in bfloat16; the factors are floats.
void WinogradWeights::transform_pairs(const WinogradTransforms& transforms, const Taps& taps,
                                      std::int64_t channels, float* out, std::int64_t position) const {
  const std::int64_t r = geometry_.taps();
  const std::int64_t next = group_blocks_ * channel_block;
  alignas(64) float lower[most_taps * most_taps * channel_block] = {};
  alignas(64) float upper[most_taps * most_taps * channel_block] = {};
  const float* from = taps.first;
  for (std::int64_t c = 0; c < channels; c += 2, from += taps.channel, out += 2 * next) {
    for (std::int64_t y = 0; y < taps.used_y; ++y) {
      for (std::int64_t x = 0; x < taps.used_x; ++x) {
        const float* tap = from + y * taps.row + x * taps.column;
        FLOWNET2_PREFETCH(tap + taps.next);  // those of deep layers come from memory
        const std::int64_t at = (y * r + x) * channel_block;
        kernels_.split_pairs(tap, lower + at, upper + at);
      }
    }
    transforms.weights(lower, r * channel_block, channel_block, out, position);
    if (c + 1 < channels) {
      transforms.weights(upper, r * channel_block, channel_block, out + next, position);
    }
  }
}

void WinogradWeights::transform(const WinogradTransforms& transforms, std::int64_t group,
                                const WinogradChunk& chunk, float* out, std::int64_t position) const {
  const std::int64_t line = group_blocks_ * channel_block;
  for (std::int64_t b = 0; b < chunk.blocks; ++b) {
    const std::int64_t channels = std::min(channel_block, chunk.channels - b * channel_block);
    for (std::int64_t i = 0; i < group_blocks_; ++i) {
      const Taps taps = taps_of(group * group_blocks_ + i, chunk.phase, chunk.block + b);
      float* to = out + b * channel_block * line + i * channel_block;
      if (spec_.element == Element::bfloat16) {
        transform_pairs(transforms, taps, channels, to, position);
      } else {
        transform_block(transforms, taps, channels, to, position);
      }
    }
  }
}

}  // namespace flownet2
