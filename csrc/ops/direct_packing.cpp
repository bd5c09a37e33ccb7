// SPDX-License-Identifier: Apache-2.0
#include "ops/direct_packing.hpp"

#include <algorithm>
#include <utility>

#include "cpu/threads.hpp"
#include "ops/rounded.hpp"

namespace flownet2 {
namespace {

/// Whether lanes of input channels cost less than lanes of output channels of which most are empty.
bool prefers_narrow(const ConvolutionSpec& spec) {
  if (spec.co > narrow_outputs) return false;
  const std::int64_t taps = spec.kh * spec.kw;
  const std::int64_t adding_lanes_up = 8 * spec.co;
  return blocks_of(spec.ci) * taps * spec.co + adding_lanes_up < spec.ci * taps;
}

DirectReach reach_of(const std::vector<DirectPhase>& phases) {
  DirectReach reach = {0, 0, 0, 0};
  bool first = true;
  for (const DirectPhase& phase : phases) {
    if (phase.taps() == 0) continue;
    const PhaseAxis& y = phase.axes.y;
    const PhaseAxis& x = phase.axes.x;
    const DirectReach own = {y.start, y.start + y.taps, x.start, x.start + x.taps};
    reach = first ? own
                  : DirectReach{std::min(reach.top, own.top), std::max(reach.bottom, own.bottom),
                                std::min(reach.left, own.left), std::max(reach.right, own.right)};
    first = false;
  }
  return reach;
}

/// The source's weights of one output and input channel.
class Source {
 public:
  Source(const ConvolutionSpec& spec, const float* weight) : spec_(spec), weight_(weight) {}

  const float* kernel(std::int64_t o, std::int64_t i) const {
    const std::int64_t pair = spec_.transposed ? i * spec_.co + o : o * spec_.ci + i;
    return weight_ + pair * spec_.kh * spec_.kw;
  }

  /// Copies the taps of a row of that kernel in a phase to to[0], to[step], ...
  template <typename T>
  void copy_row(const Phase& phase, std::int64_t o, std::int64_t i, std::int64_t y, std::int64_t step,
                T* to) const {
    const float* row = kernel(o, i) + (phase.y.tap_first + y * phase.y.tap_step) * spec_.kw;
    for (std::int64_t x = 0; x < phase.x.taps; ++x, to += step) {
      *to = converted<T>(row[phase.x.tap_first + x * phase.x.tap_step]);
    }
  }

  /// The same for all rows, one after the other.
  template <typename T>
  void copy_taps(const Phase& phase, std::int64_t o, std::int64_t i, std::int64_t step, T* to) const {
    for (std::int64_t y = 0; y < phase.y.taps; ++y, to += phase.x.taps * step) {
      copy_row(phase, o, i, y, step, to);
    }
  }

 private:
  const ConvolutionSpec& spec_;
  const float* weight_;
};

/// One group of output blocks, from out_block on, in one phase; words hold one or more T.
template <typename T>
void pack_group(const DirectPhase& phase, const ConvolutionSpec& spec, const DirectLayout& layout,
                const Source& source, std::int64_t out_block, std::int64_t width, float* weights) {
  constexpr std::int64_t per_word = sizeof(float) / sizeof(T);
  const std::int64_t lanes = width * channel_block;
  const std::int64_t first = out_block * channel_block;
  const std::int64_t outputs = std::min(lanes, spec.co - first);
  for (std::int64_t i = 0; i < spec.ci; ++i) {
    const std::int64_t word = i / per_word;
    const std::int64_t block = word / block_words;
    const std::int64_t count = std::min(block_words, layout.words - block * block_words);
    float* words =
        weights + phase.weight(layout.words, out_block, width, block) + word % block_words * lanes;
    T* to = reinterpret_cast<T*>(words) + i % per_word;
    for (std::int64_t o = 0; o < outputs; ++o)
      source.copy_taps(phase.axes, first + o, i, count * lanes * per_word, to + o * per_word);
  }
}

/// The same in the compact form, for bfloat16.
void pack_compact(const DirectPhase& phase, const ConvolutionSpec& spec, const DirectLayout& layout,
                  const Source& source, std::int64_t out_block, std::int64_t width, float* weights) {
  const std::int64_t lanes = width * channel_block;
  const std::int64_t first = out_block * channel_block;
  const std::int64_t outputs = std::min(lanes, spec.co - first);
  const std::int64_t block = phase.taps() * block_words * lanes;
  std::vector<bfloat16> row(static_cast<std::size_t>(phase.axes.x.taps));
  for (std::int64_t i = 0; i < spec.ci; ++i) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t y = 0; y < phase.axes.y.taps; ++y) {
        source.copy_row(phase.axes, first + o, i, y, 1, row.data());
        for (std::int64_t x = 0; x < phase.axes.x.taps; ++x) {
          const std::int64_t word = x * layout.pixel_words + i / 2;
          float* to = weights + phase.weight(layout.words, out_block, width, 0) +
                      word / block_words * block + (y * block_words + word % block_words) * lanes + o;
          reinterpret_cast<bfloat16*>(to)[i % 2] = row[static_cast<std::size_t>(x)];
        }
      }
    }
  }
}

void pack_narrow(const DirectPhase& phase, const ConvolutionSpec& spec, const Source& source,
                 float* weights) {
  for (std::int64_t i = 0; i < spec.ci; ++i) {
    float* to = weights + phase.narrow_weight(spec, i / channel_block) + i % channel_block;
    for (std::int64_t o = 0; o < spec.co; ++o) {
      source.copy_taps(phase.axes, o, i, spec.co * channel_block, to + o * channel_block);
    }
  }
}

void choose_words(const KernelTable& kernels, const ConvolutionSpec& spec, DirectLayout& layout) {
  const bool tiles = spec.element == Element::bfloat16 && kernels.tiles;
  layout.tiles = tiles;
  layout.pixel_words = divide_up(spec.ci, groups_per_block(spec.element));
  layout.compact = tiles && !spec.transposed && spec.kw > 1 && layout.pixel_words <= block_words / 2;
  layout.words = layout.pixel_words * (layout.compact ? spec.kw : 1);
  if (tiles) layout.words = divide_up(layout.words, block_words) * block_words;
}

DirectLayout direct_layout(const KernelTable& kernels, const ConvolutionSpec& spec) {
  DirectLayout layout{};
  choose_words(kernels, spec, layout);
  layout.narrow = spec.element == Element::float32 && prefers_narrow(spec);
  layout.blocks = blocks_of(spec.co);
  layout.width = std::min(kernels.convolution_blocks, layout.blocks);
  for (const Phase& phase : phases_of(spec)) {
    layout.phases.push_back({phase, layout.compact ? 1 : phase.x.taps, layout.weights});
    layout.weights += layout.phases.back().taps() * channel_block *
                      (layout.narrow ? blocks_of(spec.ci) * spec.co : layout.blocks * layout.words);
  }
  layout.reach = reach_of(layout.phases);
  return layout;
}

}  // namespace

DirectWeights pack_direct(const KernelTable& kernels, const ConvolutionSpec& spec, const float* weight) {
  const DirectLayout layout = direct_layout(kernels, spec);
  AlignedFloats packed = aligned_floats("convolution", layout.weights);
  const Source source(spec, weight);
  const std::int64_t groups = layout.narrow ? 1 : (layout.blocks + layout.width - 1) / layout.width;
  const std::int64_t phases = static_cast<std::int64_t>(layout.phases.size());
  parallel_for(phases * groups, [&](std::int64_t task) {
    const DirectPhase& phase = layout.phases[static_cast<std::size_t>(task / groups)];
    if (layout.narrow) {
      pack_narrow(phase, spec, source, packed.get());
    } else {
      const std::int64_t block = task % groups * layout.width;
      const std::int64_t width = std::min(layout.width, layout.blocks - block);
      const auto pack = layout.compact                      ? pack_compact
                        : spec.element == Element::bfloat16 ? pack_group<bfloat16>
                                                            : pack_group<float>;
      pack(phase, spec, layout, source, block, width, packed.get());
    }
  });
  return {layout, std::move(packed)};
}

}  // namespace flownet2
