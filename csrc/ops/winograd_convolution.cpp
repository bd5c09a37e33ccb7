// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_convolution.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "cpu/memory.hpp"
#include "cpu/settings.hpp"
#include "cpu/threads.hpp"
#include "ops/rounding.hpp"
#include "ops/winograd_geometry.hpp"
#include "ops/winograd_plan.hpp"
#include "ops/winograd_tiles.hpp"
#include "ops/winograd_weights.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "convolution";

/// The transformed input that all tasks of a band share. thread_scratch() is the tasks'.
float* shared_scratch(std::int64_t count) {
  thread_local GrowingFloats data;
  return data.at_least(op, count);
}

class WinogradConvolution final : public Convolution {
 public:
  WinogradConvolution(const WinogradKernels& kernels, const ConvolutionSpec& spec,
                      std::shared_ptr<const DirectWeights> weights, const float* bias);
  void run(const ConstBlocked& in, const MutableBlocked& out) const override;

 private:
  struct Work;  // one run

  void keep_factors();
  std::int64_t kept_position() const {
    return winograd_position(spec_.ci * product_.blocks * channel_block);
  }
  const float* kept(std::int64_t group, std::int64_t phase) const;
  bool is_zero(const Work& work, std::int64_t position, std::int64_t phase) const;
  void run_local(const Work& work) const;
  void local_task(const Work& work, std::int64_t first, std::int64_t count, std::int64_t panels) const;
  void run_shared(const Work& work) const;
  void read_chunk(const Work& work, const WinogradChunk& chunk, std::int64_t first, std::int64_t count,
                  float* v, std::int64_t position) const;
  void write_group(const Work& work, std::int64_t group, std::int64_t first, std::int64_t count,
                   const float* sums, std::int64_t position) const;

  ConvolutionSpec spec_;
  WinogradGeometry geometry_;
  const WinogradKernels& kernels_;
  const WinogradProduct& product_;
  const WinogradTransforms* kept_transforms_;  // null: weights_ are transformed in every run
  AlignedFloats kept_;                         // (groups, phases, positions, ci, blocks, 16)
  WinogradWeights weights_;
  std::int64_t groups_;
  AlignedFloats bias_;
};

struct WinogradConvolution::Work {
  const WinogradTransforms& transforms;
  WinogradTiles tiles;
  std::int64_t positions() const { return transforms.side() * transforms.side(); }
};

WinogradConvolution::WinogradConvolution(const WinogradKernels& kernels, const ConvolutionSpec& spec,
                                         std::shared_ptr<const DirectWeights> weights, const float* bias)
    : spec_(spec),
      geometry_(spec),
      kernels_(kernels),
      product_(winograd_product_for(kernels, spec)),
      kept_transforms_(winograd_kept(kernels, spec)),
      weights_(kernels, spec, product_.blocks, std::move(weights)),
      groups_(weights_.groups()),
      bias_(aligned_floats(op, blocks_of(spec.co) * channel_block)) {
  if (bias != nullptr) std::copy(bias, bias + spec.co, bias_.get());
  if (kept_transforms_ != nullptr) keep_factors();
}

void WinogradConvolution::keep_factors() {
  const std::int64_t positions = kept_transforms_->side() * kept_transforms_->side();
  const std::int64_t phases = geometry_.in_phases();
  kept_ = aligned_floats(op, groups_ * phases * positions * kept_position());
  const std::vector<WinogradChunk> chunks = winograd_chunks(spec_, blocks_of(spec_.ci));
  parallel_for(groups_ * phases, [&](std::int64_t i) {
    weights_.transform(*kept_transforms_, i / phases, chunks[static_cast<std::size_t>(i % phases)],
                       kept_.get() + i * positions * kept_position(), kept_position());
  });
}

const float* WinogradConvolution::kept(std::int64_t group, std::int64_t phase) const {
  const std::int64_t positions = kept_transforms_->side() * kept_transforms_->side();
  return kept_.get() + (group * geometry_.in_phases() + phase) * positions * kept_position();
}

/// Evaluation at infinity gives the highest tap: nothing where a phase does not have it.
bool WinogradConvolution::is_zero(const Work& work, std::int64_t position, std::int64_t phase) const {
  const std::int64_t side = work.transforms.side();
  if (geometry_.kind() != WinogradKind::strided) return false;
  return (position / side == side - 1 && geometry_.used_taps(phase / 2) < geometry_.taps()) ||
         (position % side == side - 1 && geometry_.used_taps(phase % 2) < geometry_.taps());
}

/// v: (positions, panels, blocks of the chunk, rows, 16) of `count` tiles.
void WinogradConvolution::read_chunk(const Work& work, const WinogradChunk& chunk, std::int64_t first,
                                     std::int64_t count, float* v, std::int64_t position) const {
  const std::int64_t rows = product_.rows;
  for (std::int64_t b = 0; b < chunk.blocks; ++b) {
    for (std::int64_t t = 0; t < count; ++t) {
      float* to = v + ((t / rows * chunk.blocks + b) * rows + t % rows) * channel_block;
      work.tiles.read(first + t, chunk.phase, chunk.block + b, to, position);
    }
  }
}

void WinogradConvolution::write_group(const Work& work, std::int64_t group, std::int64_t first,
                                      std::int64_t count, const float* sums,
                                      std::int64_t position) const {
  const std::int64_t rows = product_.rows;
  WinogradOutput<float> end{};
  end.position = position;
  end.slope = spec_.leaky_slope.value_or(1.0f);
  for (std::int64_t b = 0; b < product_.blocks; ++b) {
    const std::int64_t block = group * product_.blocks + b;
    end.bias = bias_.get() + block % blocks_of(spec_.co) * channel_block;
    for (std::int64_t t = 0; t < count; ++t) {
      end.sums = sums + ((t / rows * product_.blocks + b) * rows + t % rows) * channel_block;
      work.tiles.write(first + t, block, end);
    }
  }
}

void WinogradConvolution::local_task(const Work& work, std::int64_t first, std::int64_t count,
                                     std::int64_t panels) const {
  const std::vector<WinogradChunk> chunks = winograd_chunks(spec_, blocks_of(spec_.ci));
  const std::int64_t chunk_size = panels * blocks_of(spec_.ci) * product_.rows * channel_block;
  const std::int64_t v_position = winograd_position(chunk_size * geometry_.in_phases());
  const std::int64_t line = product_.blocks * product_.rows * channel_block;
  const std::int64_t sums_position = winograd_position(panels * line);
  float* v = thread_scratch(op, work.positions() * (v_position + sums_position));
  float* sums = v + work.positions() * v_position;
  for (const WinogradChunk& chunk : chunks) {
    read_chunk(work, chunk, first, count, v + chunk.phase * chunk_size, v_position);
  }
  WinogradPanels product{};
  product.v_panel = blocks_of(spec_.ci) * product_.rows * channel_block;
  product.channels = spec_.ci;
  product.tiles = count;
  for (std::int64_t group = 0; group < groups_; ++group) {
    for (std::int64_t p = 0; p < work.positions(); ++p) {
      product.sums = sums + p * sums_position;
      for (const WinogradChunk& chunk : chunks) {
        if (is_zero(work, p, chunk.phase)) continue;
        product.v = v + p * v_position + chunk.phase * chunk_size;
        product.u = kept(group, chunk.phase) + p * kept_position();
        product.add = chunk.phase > 0;
        product_.run(product);
      }
    }
    write_group(work, group, first, count, sums, sums_position);
  }
}

void WinogradConvolution::run_local(const Work& work) const {
  const std::int64_t count = work.tiles.count();
  const std::int64_t part =
      winograd_local_tiles(work.transforms, product_, spec_, count, call_threads());
  parallel_for(divide_up(count, part), [&](std::int64_t i) {
    local_task(work, i * part, std::min(part, count - i * part), part / product_.rows);
  });
}

void WinogradConvolution::run_shared(const Work& work) const {
  const std::int64_t count = work.tiles.count();
  const std::int64_t rows = product_.rows;
  const std::int64_t positions = work.positions();
  const WinogradShares shares = winograd_shares(work.transforms, product_, spec_, count, call_threads());
  const std::vector<WinogradChunk> chunks = winograd_chunks(spec_, shares.chunk_blocks);
  const std::int64_t panel = shares.chunk_blocks * rows * channel_block;  // at most
  const std::int64_t v_position = winograd_position(shares.band / rows * panel);
  const std::int64_t u_position =
      winograd_position(shares.chunk_blocks * channel_block * product_.blocks * channel_block);
  const std::int64_t sums_position = winograd_position(shares.tiles * product_.blocks * channel_block);
  const std::int64_t n_chunks = static_cast<std::int64_t>(chunks.size());
  float* v = shared_scratch(n_chunks * positions * v_position);

  for (std::int64_t first = 0; first < count; first += shares.band) {
    const std::int64_t band = std::min(shares.band, count - first);
    parallel_for(divide_up(band, rows) * n_chunks, [&](std::int64_t i) {
      const std::int64_t at = i % divide_up(band, rows);
      const std::int64_t c = i / divide_up(band, rows);
      const WinogradChunk& chunk = chunks[static_cast<std::size_t>(c)];
      read_chunk(work, chunk, first + at * rows, std::min(rows, band - at * rows),
                 v + c * positions * v_position + at * chunk.blocks * rows * channel_block, v_position);
    });
    const std::int64_t parts = divide_up(band, shares.tiles);
    parallel_for(groups_ * parts, [&](std::int64_t i) {
      const std::int64_t group = i / parts;
      const std::int64_t start = i % parts * shares.tiles;
      const std::int64_t tiles = std::min(shares.tiles, band - start);
      float* u = thread_scratch(op, positions * (u_position + sums_position));
      float* sums = u + positions * u_position;
      WinogradPanels product{};
      product.tiles = tiles;
      for (std::int64_t c = 0; c < n_chunks; ++c) {
        const WinogradChunk& chunk = chunks[static_cast<std::size_t>(c)];
        weights_.transform(work.transforms, group, chunk, u, u_position);
        product.v_panel = chunk.blocks * rows * channel_block;
        product.channels = chunk.channels;
        product.add = c > 0;
        for (std::int64_t p = 0; p < positions; ++p) {
          if (is_zero(work, p, chunk.phase)) continue;
          product.v = v + (c * positions + p) * v_position + start / rows * product.v_panel;
          product.u = u + p * u_position;
          product.sums = sums + p * sums_position;
          product_.run(product);
        }
      }
      write_group(work, group, first + start, tiles, sums, sums_position);
    });
  }
}

void WinogradConvolution::run(const ConstBlocked& in, const MutableBlocked& out) const {
  const WinogradTransforms& transforms = kept_transforms_ != nullptr
                                             ? *kept_transforms_
                                             : *winograd_cheapest(kernels_, spec_, out).transforms;
  const Work work{transforms, WinogradTiles(geometry_, transforms, in, out)};
  if (kept_transforms_ != nullptr) {
    run_local(work);
  } else {
    run_shared(work);
  }
}

}  // namespace

bool winograd_pays(const KernelTable& kernels, const ConvolutionSpec& spec) {
  if (kernels.winograd == nullptr || !winograd_serves(spec)) return false;
  // Measured on Zen 4 at FlowNet2's layers for 448x1024: 1.2 times faster for 6 -> 64 channels 3x3, 1.4
  // for 6 -> 64 7x7, 1.2 to 1.6 for 3x3 stride 2, 1.3 to 3.5 for the rest; 1.05 for 3 -> 64 7x7, within
  // the spread of the direct one.
  return spec.ci >= 6 && spec.co >= 16;
}

bool winograd_pays_at(const KernelTable& kernels, const ConvolutionSpec& spec,
                      const MutableBlocked& out) {
  // Measured on Zen 5 at FlowNet2's layers, transforms included: its products, which are of float32 in
  // either precision, take as long as 4/3 as many of the direct algorithm; 6/5 where one transform of
  // the input serves the four phases of a transposed convolution.
  const double transforms = spec.transposed ? 6.0 / 5.0 : 4.0 / 3.0;
  const double direct_rate = spec.element == Element::bfloat16 ? kernels.pairs_rate : 1.0;
  const auto cost = static_cast<double>(winograd_cheapest(*kernels.winograd, spec, out).cost);
  return transforms * cost * direct_rate < static_cast<double>(direct_cost(spec, out));
}

std::unique_ptr<Convolution> make_winograd_convolution(const KernelTable& kernels,
                                                       const ConvolutionSpec& spec,
                                                       std::shared_ptr<const DirectWeights> weights,
                                                       const float* bias) {
  return std::make_unique<WinogradConvolution>(*kernels.winograd, spec, std::move(weights), bias);
}

}  // namespace flownet2
