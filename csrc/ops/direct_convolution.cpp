// SPDX-License-Identifier: Apache-2.0
#include "ops/direct_convolution.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "cpu/memory.hpp"
#include "cpu/settings.hpp"
#include "cpu/threads.hpp"
#include "ops/convolution_phases.hpp"
#include "ops/direct_packing.hpp"
#include "ops/direct_plan.hpp"
#include "ops/direct_window.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "convolution";

class DirectConvolution final : public Convolution {
 public:
  DirectConvolution(const KernelTable& kernels, const ConvolutionSpec& spec,
                    std::shared_ptr<const DirectWeights> weights, const float* bias)
      : kernels_(kernels),
        spec_(spec),
        steps_(phase_steps(spec)),
        weights_(std::move(weights)),
        layout_(weights_->layout),
        bias_(aligned_floats(op, layout_.blocks * channel_block)) {
    if (bias != nullptr) std::copy_n(bias, spec.co, bias_.get());
  }

  void run(const ConstBlocked& in, const MutableBlocked& out) const override {
    const DirectPlan plan = plan_direct(steps_, layout_, out, call_threads());
    parallel_for(plan.tasks(), [&](std::int64_t index) { run_task(plan, plan.task(index), in, out); });
  }

 private:
  void run_task(const DirectPlan& plan, const DirectTask& task, const ConstBlocked& in,
                const MutableBlocked& out) const {
    const DirectWindow window(layout_, steps_, task);
    const std::int64_t sums = rounds() ? all_sums(task) : 0;
    const std::int64_t room = window.copied_blocks(plan.chunk) * window.plane();
    const std::int64_t images = task.n1 - task.n0;
    float* scratch = thread_scratch(op, images * (room + sums));
    const std::int64_t in_blocks = layout_.in_blocks();
    for (std::int64_t block = 0; block < in_blocks; block += plan.chunk) {
      const std::int64_t last = std::min(block + plan.chunk, in_blocks);
      for (std::int64_t n = 0; n < images; ++n) {
        for (std::int64_t b = 0; b < window.copied_blocks(last - block); ++b)
          window.copy(in, task.n0 + n, block + b, scratch + n * room + b * window.plane());
      }
      ConvolutionStrip strip{};
      strip.in_pixel = window.output_pixel();
      strip.in_plane = window.next_block();
      strip.in_row = window.row();
      strip.row_stride = steps_.in_y;
      strip.words = std::min(last * block_words, layout_.words) - block * block_words;
      strip.height = in.h;
      strip.leaky = spec_.leaky_slope.has_value() && last == in_blocks;
      strip.slope = spec_.leaky_slope.value_or(1.0f);
      float* phase_sums = scratch + images * room;
      for (const DirectPhase& phase : layout_.phases) {
        run_phase(phase, task, window, {block, last, last == in_blocks, scratch, room}, phase_sums, out,
                  strip);
      }
    }
  }

  struct Chunk {
    std::int64_t first_block;
    std::int64_t next_block;
    bool last;
    const float* windows;  // of the images
    std::int64_t room;     // words between them
  };

  /// Results are rounded: sums wait in working memory.
  bool rounds() const { return spec_.element == Element::bfloat16; }

  std::int64_t all_sums(const DirectTask& task) const {
    const std::int64_t phases = static_cast<std::int64_t>(layout_.phases.size());
    return phases * (task.group1 - task.group0) * layout_.width * group_sums(task);
  }

  static std::int64_t group_sums(const DirectTask& task) {
    return (task.y1 - task.y0) * (task.x1 - task.x0) * channel_block;
  }

  /// From the weights of a group and chunk to those of the next chunk.
  std::int64_t ahead(const DirectPhase& phase, std::int64_t group, std::int64_t width,
                     const Chunk& chunk) const {
    if (chunk.last) return 0;
    const std::int64_t first = group * layout_.width;
    return phase.weight(layout_.words, first, width, chunk.next_block) -
           phase.weight(layout_.words, first, width, chunk.first_block);
  }

  /// All groups and images of the task; `sums` moves on to the next phase.
  void run_phase(const DirectPhase& phase, const DirectTask& task, const DirectWindow& window,
                 const Chunk& chunk, float*& sums, const MutableBlocked& out,
                 ConvolutionStrip& strip) const {
    const PhaseAxis& y = phase.axes.y;
    const PhaseAxis& x = phase.axes.x;
    const auto in_reach = [](std::int64_t end, std::int64_t size, std::int64_t first,
                             std::int64_t step) {
      return std::min(end, (size - first + step - 1) / step);
    };
    strip.rows = in_reach(task.y1, out.h, y.first, steps_.out_y) - task.y0;
    strip.columns = in_reach(task.x1, out.w, x.first, steps_.out_x) - task.x0;
    if (strip.rows <= 0 || strip.columns <= 0) return;
    std::vector<std::int64_t> taps(static_cast<std::size_t>(x.taps));
    for (std::int64_t t = 0; t < x.taps; ++t) {
      taps[static_cast<std::size_t>(t)] = window.place(x.start - layout_.reach.left + t);
    }
    const std::int64_t start = (y.start - layout_.reach.top) * window.row();
    strip.taps_y = y.taps;
    strip.taps_x = phase.taps_x;
    strip.taps = taps.data();
    strip.top = task.y0 * steps_.in_y + y.start;
    strip.out_plane = out.h * out.w * channel_block;
    strip.out_row = steps_.out_y * out.w * channel_block;
    strip.out_pixel = steps_.out_x * channel_block;
    const std::int64_t at =
        ((y.first + task.y0 * steps_.out_y) * out.w + x.first + task.x0 * steps_.out_x) * channel_block;
    if (rounds()) {
      strip.out_plane = group_sums(task);
      strip.out_row = (task.x1 - task.x0) * channel_block;
      strip.out_pixel = channel_block;
      strip.rounded_row = steps_.out_y * out.w * pixel_step<bfloat16>;
      strip.rounded_pixel = steps_.out_x * pixel_step<bfloat16>;
    }
    for (std::int64_t group = task.group0; group < task.group1; ++group) {
      const std::int64_t first = group * layout_.width;
      strip.width = std::min(layout_.width, layout_.blocks - first);
      strip.weight =
          weights_->data.get() + phase.weight(layout_.words, first, strip.width, chunk.first_block);
      strip.ahead = ahead(phase, group, strip.width, chunk);
      strip.bias = chunk.first_block == 0 ? bias_.get() + first * channel_block : nullptr;
      for (std::int64_t n = task.n0; n < task.n1; ++n) {
        strip.in = chunk.windows + (n - task.n0) * chunk.room + start;
        if (rounds()) {
          strip.out = sums;
          sums += layout_.width * group_sums(task);
          for (std::int64_t b = 0; b < strip.width && chunk.last; ++b) {
            strip.rounded[b] =
                out.group<bfloat16>(n, first + b) + at / channel_block * pixel_step<bfloat16>;
          }
          kernels_.pairs_strip(strip);
        } else {
          strip.out = out.group<float>(n, first) + at;
          kernels_.convolution_strip(strip);
        }
      }
    }
  }

  const KernelTable& kernels_;
  ConvolutionSpec spec_;
  PhaseSteps steps_;
  std::shared_ptr<const DirectWeights> weights_;
  const DirectLayout& layout_;
  AlignedFloats bias_;
};

}  // namespace

std::unique_ptr<Convolution> make_direct_convolution(const KernelTable& kernels,
                                                     const ConvolutionSpec& spec, const float* weight,
                                                     const float* bias) {
  return make_direct_convolution(
      kernels, spec, std::make_shared<const DirectWeights>(pack_direct(kernels, spec, weight)), bias);
}

std::unique_ptr<Convolution> make_direct_convolution(const KernelTable& kernels,
                                                     const ConvolutionSpec& spec,
                                                     std::shared_ptr<const DirectWeights> weights,
                                                     const float* bias) {
  return std::make_unique<DirectConvolution>(kernels, spec, std::move(weights), bias);
}

}  // namespace flownet2
