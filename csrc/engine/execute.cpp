// SPDX-License-Identifier: Apache-2.0
#include "engine/execute.hpp"

#include "engine/shapes.hpp"
#include "ops/checks.hpp"
#include "ops/layout.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {
namespace {

/// The tensors of one step as views.
class Tensors {
 public:
  Tensors(const Plan& plan, const Step& step, const Memories& memories)
      : plan_(plan), step_(step), memories_(memories) {}

  ConstView planar(std::size_t input) const {
    const Place& place = step_.inputs[input];
    return {start(place), place.shape};
  }

  ConstBlocked blocked(std::size_t input) const {
    return as_blocked<ConstBlocked>(start(step_.inputs[input]), step_.inputs[input]);
  }

  ConstRuns runs(std::size_t input) const {
    const Place& place = step_.inputs[input];
    return {start(place) + skipped(place), run_stride(place)};
  }

  MutableView planar_out() const { return {writable(), step_.output.shape}; }

  MutableBlocked blocked_out() const { return as_blocked<MutableBlocked>(writable(), step_.output); }

  MutableRuns runs_out() const { return {writable() + skipped(step_.output), run_stride(step_.output)}; }

  /// Elements of the output, lanes of blocks included.
  Runs count() const {
    const Shape& shape = step_.output.shape;
    const bool is_planar = step_.output.layout == Layout::planar;
    const std::int64_t channels = is_planar ? shape.c : blocks_of(shape.c) * channel_block;
    return {shape.n, channels * shape.h * shape.w};
  }

 private:
  static std::int64_t run_stride(const Place& place) {
    const Shape& shape = place.shape;
    return place.memory == Memory::arena ? place.image_stride : shape.c * shape.h * shape.w;
  }

  /// Words before the first group of a blocked float32 tensor; of a planar one: none.
  static std::int64_t skipped(const Place& place) {
    return place.first_group * channel_block * place.shape.h * place.shape.w;
  }

  const float* start(const Place& place) const {
    if (place.memory == Memory::input) return memories_.inputs[place.index];
    if (place.memory == Memory::output) return memories_.outputs[place.index];
    return memories_.arena + plan_.buffers[place.index].offset;
  }

  float* writable() const {
    const Place& place = step_.output;
    if (place.memory == Memory::output) return memories_.outputs[place.index];
    return memories_.arena + (start(place) - memories_.arena);
  }

  template <typename View, typename Float>
  View as_blocked(Float* data, const Place& place) const {
    const Shape& shape = place.shape;
    return View(data, plan_.element, shape.n, shape.c, shape.h, shape.w, place.image_stride,
                place.first_group);
  }

  const Plan& plan_;
  const Step& step_;
  const Memories& memories_;
};

void concat(const Step& step, const Tensors& tensors) {
  const bool blocked = step.output.layout == Layout::blocked;
  std::vector<ChannelPart> parts;
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const Place& input = step.inputs[i];
    ChannelPart part;
    part.first = channel;
    if (input.layout == Layout::planar) {
      part.planar = tensors.planar(i);
    } else if (!joined_in_place(step, i, channel)) {
      part.blocked = tensors.blocked(i);
    }
    channel += input.shape.c;
    parts.push_back(part);
  }
  if (blocked) {
    join_blocked(parts, tensors.blocked_out());
  } else {
    join_planar(parts, tensors.planar_out());
  }
}

void elementwise_node(const ElementwiseAttributes& attributes, const Step& step,
                      const Tensors& tensors) {
  elementwise(tensors.count(), attributes.kind, attributes.factor, tensors.runs(0),
              tensors.runs(step.inputs.size() - 1), tensors.runs_out());
}

void convert(const Step& step, const Tensors& tensors) {
  if (step.output.layout == Layout::blocked) {
    to_blocked(tensors.planar(0), tensors.blocked_out());
  } else {
    to_planar(tensors.blocked(0), tensors.planar_out());
  }
}

void compute(const GraphNode& node, const Convolution* convolution, const Step& step,
             const Tensors& tensors) {
  switch (node.op) {
    case Op::conv2d:
    case Op::conv_transpose2d:
      return convolution->run(tensors.blocked(0), tensors.blocked_out());
    case Op::leaky_relu:
      return leaky_relu(tensors.count(), tensors.runs(0),
                        std::get<LeakyReluAttributes>(node.attributes).slope, tensors.runs_out());
    case Op::correlation:
      return correlation(tensors.planar(0), tensors.planar(1),
                         std::get<CorrelationOptions>(node.attributes), tensors.planar_out());
    case Op::warp:
      return warp(tensors.planar(0), tensors.planar(1), std::get<WarpOptions>(node.attributes),
                  tensors.planar_out());
    case Op::channel_norm:
      return channel_norm(tensors.planar(0), tensors.planar_out());
    case Op::resize:
      return resize(tensors.planar(0),
                    resize_options(std::get<ResizeAttributes>(node.attributes), step.inputs[0].shape),
                    tensors.planar_out());
    case Op::concat:
      return concat(step, tensors);
    case Op::elementwise:
      return elementwise_node(std::get<ElementwiseAttributes>(node.attributes), step, tensors);
  }
}

}  // namespace

void execute_step(const Graph& graph, const Convolutions& convolutions, const Plan& plan,
                  const Step& step, const Memories& memories) {
  const Tensors tensors(plan, step, memories);
  if (step.conversion) return convert(step, tensors);
  const std::size_t node = step.value - graph.inputs.size();
  compute(graph.nodes[node], convolutions[node].get(), step, tensors);
}

}  // namespace flownet2
