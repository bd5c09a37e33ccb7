// SPDX-License-Identifier: Apache-2.0
#include "engine/shapes.hpp"

#include <flownet2/error.hpp>

#include <string>

#include "ops/checks.hpp"
#include "ops/eager_convolution.hpp"
#include "ops/pointwise.hpp"

namespace flownet2 {
namespace {

Shape convolution_shape(const Graph& graph, const GraphNode& node, const Shape& in) {
  const char* op = op_name(node.op);
  const bool transposed = node.op == Op::conv_transpose2d;
  const auto& weight = graph.parameters[*node.weight].shape;
  if (weight.size() != 4) fail(op, "weight must have 4 axes, got " + std::to_string(weight.size()));
  const auto& attributes = std::get<ConvolutionAttributes>(node.attributes);
  const Shape out =
      convolved_shape(transposed ? ConvolutionKind::transposed : ConvolutionKind::plain, in,
                      {weight[0], weight[1], weight[2], weight[3]},
                      {attributes.stride.rows, attributes.stride.columns, attributes.padding.rows,
                       attributes.padding.columns, attributes.leaky_slope});
  if (node.bias && graph.parameters[*node.bias].shape != std::vector<std::int64_t>{out.c}) {
    fail(op, "bias must have one value for each of the " + std::to_string(out.c) + " output channels");
  }
  return out;
}

Shape node_shape(const Graph& graph, const GraphNode& node, const std::vector<Shape>& inputs) {
  switch (node.op) {
    case Op::conv2d:
    case Op::conv_transpose2d:
      return convolution_shape(graph, node, inputs[0]);
    case Op::leaky_relu:
      return inputs[0];
    case Op::correlation:
      return correlation_shape(inputs[0], inputs[1], std::get<CorrelationOptions>(node.attributes));
    case Op::warp:
      return warp_shape(inputs[0], inputs[1]);
    case Op::channel_norm:
      return channel_norm_shape(inputs[0]);
    case Op::resize:
      return resize_shape(inputs[0],
                          resize_options(std::get<ResizeAttributes>(node.attributes), inputs[0]));
    case Op::concat:
      return concat_shape(inputs);
    case Op::elementwise:
      return elementwise_shape(std::get<ElementwiseAttributes>(node.attributes).kind, inputs);
  }
  fail("graph", "unknown operator");
}

}  // namespace

ResizeOptions resize_options(const ResizeAttributes& attributes, const Shape& input) {
  ResizeOptions options;
  options.mode = attributes.mode;
  options.align_corners = attributes.align_corners;
  if (attributes.size) {
    options.height = attributes.size->rows;
    options.width = attributes.size->columns;
  } else {
    options.height = checked_product("resize", input.h, attributes.scale->rows);
    options.width = checked_product("resize", input.w, attributes.scale->columns);
  }
  return options;
}

std::vector<Shape> infer_shapes(const Graph& graph, const std::vector<Shape>& inputs,
                                const std::vector<bool>& needed) {
  std::vector<Shape> shapes = inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_shape("network", ("input '" + graph.inputs[i].name + "'").c_str(), inputs[i]);
  }
  for (const GraphNode& node : graph.nodes) {
    if (!needed.empty() && !needed[shapes.size()]) {
      shapes.emplace_back();
      continue;
    }
    std::vector<Shape> arguments;
    for (const std::size_t value : node.inputs) arguments.push_back(shapes[value]);
    try {
      shapes.push_back(node_shape(graph, node, arguments));
      check_shape(op_name(node.op), "the result", shapes.back());
    } catch (const Error& error) {
      throw Error(error.code(), "node '" + node.name + "': " + error.what());
    }
  }
  return shapes;
}

}  // namespace flownet2
