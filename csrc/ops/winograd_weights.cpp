// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_weights.hpp"

#include "cpu/threads.hpp"

namespace flownet2 {
namespace {

/// The weights of deep layers come from memory; bytes that are asked for ahead of their use.
constexpr std::int64_t prefetch_bytes = 2048;

void prefetch([[maybe_unused]] const float* from, [[maybe_unused]] std::int64_t count) {
#if defined(__GNUC__)
  for (std::int64_t i = 0; i < count; i += channel_block) __builtin_prefetch(from + i);
#endif
}

}  // namespace

WinogradWeights::WinogradWeights(const ConvolutionSpec& spec, std::int64_t group_blocks,
                                 const float* weight)
    : spec_(spec),
      geometry_(spec),
      group_blocks_(group_blocks),
      groups_(geometry_.out_phases() * blocks_of(spec.co) / group_blocks),
      data_(aligned_floats("convolution", groups_ * geometry_.in_phases() * spec.ci * geometry_.taps() *
                                              geometry_.taps() * group_blocks * channel_block)) {
  parallel_for(groups_, [&](std::int64_t group) { regroup(group, weight); });
}

float* WinogradWeights::taps_of(std::int64_t group, std::int64_t phase, std::int64_t channel) const {
  const std::int64_t line = group_blocks_ * channel_block;
  const std::int64_t index = (group * geometry_.in_phases() + phase) * spec_.ci + channel;
  return data_.get() + index * geometry_.taps() * geometry_.taps() * line;
}

void WinogradWeights::regroup(std::int64_t group, const float* weight) {
  const std::int64_t r = geometry_.taps();
  const std::int64_t line = group_blocks_ * channel_block;
  const std::int64_t out_blocks = blocks_of(spec_.co);
  const std::int64_t kernel = spec_.kh * spec_.kw;
  for (std::int64_t phase = 0; phase < geometry_.in_phases(); ++phase) {
    for (std::int64_t c = 0; c < spec_.ci; ++c) {
      float* to = taps_of(group, phase, c);
      for (std::int64_t i = 0; i < line; ++i) {
        const std::int64_t block = group * group_blocks_ + i / channel_block;
        const std::int64_t o = block % out_blocks * channel_block + i % channel_block;
        if (o >= spec_.co) continue;
        const std::int64_t split = spec_.transposed ? block / out_blocks : phase;
        const float* from = weight + (spec_.transposed ? c * spec_.co + o : o * spec_.ci + c) * kernel;
        for (std::int64_t t = 0; t < r * r; ++t) {
          const std::int64_t y = geometry_.kernel_index(t / r, split / 2);
          const std::int64_t x = geometry_.kernel_index(t % r, split % 2);
          if (y >= 0 && x >= 0) to[t * line + i] = from[y * spec_.kw + x];
        }
      }
    }
  }
}

void WinogradWeights::transform(const WinogradTransforms& transforms, std::int64_t group,
                                const WinogradChunk& chunk, float* out, std::int64_t position) const {
  const std::int64_t line = group_blocks_ * channel_block;
  const std::int64_t taps = geometry_.taps() * geometry_.taps() * line;  // of a channel
  const std::int64_t ahead = 1 + prefetch_bytes / (taps * static_cast<std::int64_t>(sizeof(float)));
  const std::int64_t first = chunk.block * channel_block;
  const float* from = taps_of(group, chunk.phase, first);
  for (std::int64_t c = 0; c < chunk.channels; ++c, from += taps, out += line) {
    if (first + c + ahead < spec_.ci) prefetch(from + ahead * taps, taps);
    for (std::int64_t i = 0; i < line; i += channel_block) {
      transforms.weights(from + i, geometry_.taps() * line, line, out + i, position);
    }
  }
}

}  // namespace flownet2
