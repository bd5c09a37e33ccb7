// SPDX-License-Identifier: Apache-2.0
#include "engine/link.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "cpu/dispatch.hpp"
#include "cpu/memory.hpp"
#include "cpu/threads.hpp"
#include "engine/shapes.hpp"
#include "ops/bands.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "network";
constexpr std::int64_t words_per_band = 48 << 10;  // of working memory

class Link {
 public:
  Link(const Graph& graph, const Step& step, const Tensors& tensors)
      : graph_(graph),
        step_(step),
        tensors_(tensors),
        kernels_(active_kernels()),
        shape_(step.outputs[0].shape),
        first_channel_(step.nodes.size()) {
    std::int64_t channels = 0;
    for (std::size_t i = 0; i < step.nodes.size(); ++i) {
      first_channel_[i] = channels;
      if (!step.nodes[i].output) channels += channels_of(i);
    }
    rows_ = std::clamp<std::int64_t>(words_per_band / ((channels + 1) * shape_.w), 1, shape_.h);
    scratch_ = channels * rows_ * shape_.w;
    for (std::size_t i = 0; i < step.nodes.size(); ++i) tables_.push_back(table_of(i));
  }

  void run() const {
    const std::int64_t bands = (shape_.h + rows_ - 1) / rows_;
    parallel_for(shape_.n * bands, [&](std::int64_t task) {
      const std::int64_t first = task % bands * rows_;
      const Band band = {task / bands, first, std::min(first + rows_, shape_.h), shape_.w};
      float* scratch = thread_scratch(who, scratch_);
      for (std::size_t i = 0; i < step_.nodes.size(); ++i) compute(i, band, scratch);
    });
  }

 private:
  const GraphNode& node(std::size_t i) const { return *graph_.producer(step_.nodes[i].value); }

  const Place& outside(const LinkInput& input) const { return step_.inputs[input.index]; }

  std::int64_t channels_of(const LinkInput& input) const {
    return input.inside ? channels_of(input.index) : outside(input).shape.c;
  }

  /// Of the result of a node.
  std::int64_t channels_of(std::size_t i) const {
    const LinkNode& own = step_.nodes[i];
    if (own.output) return step_.outputs[*own.output].shape.c;
    if (node(i).op == Op::channel_norm) return 1;
    std::int64_t channels = 0;
    for (const LinkInput& input : own.inputs) {
      channels += channels_of(input);
      if (node(i).op != Op::concat) break;
    }
    return channels;
  }

  std::optional<ResizeTable> table_of(std::size_t i) const {
    if (node(i).op != Op::resize) return std::nullopt;
    const Shape& in = outside(step_.nodes[i].inputs[0]).shape;
    return ResizeTable(in, resize_options(std::get<ResizeAttributes>(node(i).attributes), in));
  }

  MutableBand result(std::size_t i, const Band& band, float* scratch) const {
    const auto& output = step_.nodes[i].output;
    if (output) return band_of(tensors_.planar_out(step_.outputs[*output]), band);
    const std::int64_t plane = rows_ * shape_.w;
    return {scratch + first_channel_[i] * plane, plane};
  }

  ConstBand input(const LinkInput& from, const Band& band, float* scratch) const {
    if (from.inside) return result(from.index, band, scratch);
    return band_of(tensors_.planar(outside(from)), band);
  }

  void compute(std::size_t i, const Band& band, float* scratch) const {
    const std::vector<LinkInput>& inputs = step_.nodes[i].inputs;
    const Attributes& attributes = node(i).attributes;
    const Op op = node(i).op;
    if (op == Op::concat) return join(i, band, scratch);
    const MutableBand out = result(i, band, scratch);
    if (op == Op::resize) {
      const ConstView x = tensors_.planar(outside(inputs[0]));
      for (std::int64_t c = 0; c < x.shape.c; ++c) tables_[i]->run(kernels_, band, x, c, out.channel(c));
    } else if (op == Op::warp) {
      warp_band(kernels_, band, tensors_.planar(outside(inputs[0])), input(inputs[1], band, scratch),
                std::get<WarpOptions>(attributes), out);
    } else if (op == Op::channel_norm) {
      channel_norm_band(kernels_, band, channels_of(inputs[0]), input(inputs[0], band, scratch), out);
    } else if (op == Op::leaky_relu) {
      leaky_relu_band(band, channels_of(i), input(inputs[0], band, scratch),
                      std::get<LeakyReluAttributes>(attributes).slope, out);
    } else {
      const auto& how = std::get<ElementwiseAttributes>(attributes);
      elementwise_band(band, channels_of(i), how.kind, how.factor, input(inputs[0], band, scratch),
                       input(inputs.back(), band, scratch), out);
    }
  }

  void join(std::size_t i, const Band& band, float* scratch) const {
    const LinkNode& own = step_.nodes[i];
    if (own.output && step_.outputs[*own.output].layout == Layout::blocked) {
      return join_blocked(own, step_.outputs[*own.output], band, scratch);
    }
    const MutableBand out = result(i, band, scratch);
    std::int64_t channel = 0;
    for (const LinkInput& from : own.inputs) {
      const ConstBand part = input(from, band, scratch);
      const std::int64_t count = channels_of(from);
      for (std::int64_t c = 0; c < count; ++c) {
        std::copy_n(part.channel(c), band.pixels(), out.channel(channel + c));
      }
      channel += count;
    }
  }

  /// All parts are planar.
  void join_blocked(const LinkNode& own, const Place& whole, const Band& band, float* scratch) const {
    const MutableBlocked out = tensors_.blocked_out(whole);
    std::vector<const float*> rows(static_cast<std::size_t>(blocks_of(out.c) * channel_block), nullptr);
    std::size_t channel = 0;
    for (const LinkInput& from : own.inputs) {
      const ConstBand part = input(from, band, scratch);
      for (std::int64_t c = 0; c < channels_of(from); ++c) rows[channel++] = part.channel(c);
    }
    for (std::int64_t g = 0; g < blocks_of(out.c); ++g) {
      put_pixels(kernels_, rows.data() + g * channel_block, band.n, g, band.first * band.w,
                 band.pixels(), out);
    }
  }

  const Graph& graph_;
  const Step& step_;
  const Tensors& tensors_;
  const KernelTable& kernels_;
  Shape shape_;                              // of every value, but for the channels
  std::vector<std::int64_t> first_channel_;  // in the working memory
  std::int64_t rows_ = 1;                    // of a band
  std::int64_t scratch_ = 0;                 // words
  std::vector<std::optional<ResizeTable>> tables_;
};

}  // namespace

void execute_link(const Graph& graph, const Step& step, const Tensors& tensors) {
  Link(graph, step, tensors).run();
}

}  // namespace flownet2
