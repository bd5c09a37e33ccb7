// SPDX-License-Identifier: Apache-2.0
#include "engine/execute.hpp"

#include "engine/link.hpp"
#include "engine/shapes.hpp"
#include "ops/correlation.hpp"
#include "ops/layout.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {
namespace {

void concat(const Step& step, const Tensors& tensors) {
  const Place& out = step.outputs[0];
  std::vector<ChannelPart> parts;
  std::int64_t channel = 0;
  for (const Place& input : step.inputs) {
    ChannelPart part;
    part.first = channel;
    if (input.layout == Layout::planar) {
      part.planar = tensors.planar(input);
    } else if (!joined_in_place(input, out, channel)) {
      part.blocked = tensors.blocked(input);
    }
    channel += input.shape.c;
    parts.push_back(part);
  }
  if (out.layout == Layout::blocked) {
    join_blocked(parts, tensors.blocked_out(out));
  } else {
    join_planar(parts, tensors.planar_out(out));
  }
}

void elementwise_node(const ElementwiseAttributes& attributes, const Step& step,
                      const Tensors& tensors) {
  elementwise(Tensors::count(step.outputs[0]), attributes.kind, attributes.factor,
              tensors.runs(step.inputs.front()), tensors.runs(step.inputs.back()),
              tensors.runs_out(step.outputs[0]));
}

void convert(const Step& step, const Tensors& tensors) {
  if (step.outputs[0].layout == Layout::blocked) {
    to_blocked(tensors.planar(step.inputs[0]), tensors.blocked_out(step.outputs[0]));
  } else {
    to_planar(tensors.blocked(step.inputs[0]), tensors.planar_out(step.outputs[0]));
  }
}

/// Into few channels, or the images of all inputs as one batch.
void convolve(const NodeConvolution& node, const Step& step, const Tensors& tensors) {
  if (node.head != nullptr) {
    const FlowHead& head = step.kind == StepKind::composed ? *node.composed : *node.head;
    return head.run(tensors.either(step.inputs[0]), tensors.planar_out(step.outputs[0]));
  }
  ConstBlocked in = tensors.blocked(step.inputs[0]);
  MutableBlocked out = tensors.blocked_out(step.outputs[0]);
  for (std::size_t i = 1; i < step.values.size(); ++i) {
    const ConstBlocked more_in = tensors.blocked(step.inputs[i]);
    const MutableBlocked more_out = tensors.blocked_out(step.outputs[i]);
    in.images.insert(in.images.end(), more_in.images.begin(), more_in.images.end());
    out.images.insert(out.images.end(), more_out.images.begin(), more_out.images.end());
  }
  node.convolution->run(in, out);
}

void compute(const GraphNode& node, const NodeConvolution& convolution, const Step& step,
             const Tensors& tensors) {
  const auto planar = [&](std::size_t input) { return tensors.planar(step.inputs[input]); };
  const auto planar_out = [&] { return tensors.planar_out(step.outputs[0]); };
  switch (node.op) {
    case Op::conv2d:
    case Op::conv_transpose2d:
      return convolve(convolution, step, tensors);
    case Op::leaky_relu:
      return leaky_relu(Tensors::count(step.outputs[0]), tensors.runs(step.inputs[0]),
                        std::get<LeakyReluAttributes>(node.attributes).slope,
                        tensors.runs_out(step.outputs[0]));
    case Op::correlation:
      return correlate(tensors.either(step.inputs[0]), tensors.either(step.inputs[1]),
                       std::get<CorrelationOptions>(node.attributes),
                       tensors.either_out(step.outputs[0]));
    case Op::warp:
      return warp(planar(0), planar(1), std::get<WarpOptions>(node.attributes), planar_out());
    case Op::channel_norm:
      return channel_norm(planar(0), planar_out());
    case Op::resize:
      return resize(planar(0),
                    resize_options(std::get<ResizeAttributes>(node.attributes), step.inputs[0].shape),
                    planar_out());
    case Op::concat:
      return concat(step, tensors);
    case Op::elementwise:
      return elementwise_node(std::get<ElementwiseAttributes>(node.attributes), step, tensors);
  }
}

}  // namespace

void execute_step(const Graph& graph, const Convolutions& convolutions, const Plan& plan,
                  const Step& step, const Memories& memories) {
  const Tensors tensors(plan, memories);
  if (step.kind == StepKind::conversion) return convert(step, tensors);
  if (step.kind == StepKind::link) return execute_link(graph, step, tensors);
  const std::size_t node = step.values.back() - graph.inputs.size();
  compute(graph.nodes[node], convolutions[node], step, tensors);
}

}  // namespace flownet2
