// SPDX-License-Identifier: Apache-2.0
#include "engine/shapes.hpp"

#include <flownet2/error.hpp>

#include <string>

#include "ops/checks.hpp"

namespace flownet2 {
namespace {

std::int64_t convolved(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  const std::int64_t room = in + 2 * padding - kernel;
  if (room < 0) {
    fail("conv2d", "a kernel of " + std::to_string(kernel) + " does not fit into " + std::to_string(in) +
                       " pixels with padding " + std::to_string(padding));
  }
  return room / stride + 1;
}

std::int64_t convolved_transposed(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t padding) {
  constexpr const char* op = "conv_transpose2d";
  const std::int64_t out = checked_product(op, in - 1, stride) - 2 * padding + kernel;
  if (out < 1) fail(op, "padding " + std::to_string(padding) + " leaves nothing of the output");
  return out;
}

Shape convolution_shape(const Graph& graph, const GraphNode& node, const Shape& in) {
  const char* op = op_name(node.op);
  const bool transposed = node.op == Op::conv_transpose2d;
  const auto& weight = graph.parameters[*node.weight].shape;
  if (weight.size() != 4) fail(op, "weight must have 4 axes, got " + std::to_string(weight.size()));
  const std::int64_t ci = weight[transposed ? 0 : 1];
  const std::int64_t co = weight[transposed ? 1 : 0];
  if (ci != in.c) {
    fail(op,
         "the input has " + std::to_string(in.c) + " channels, the weight wants " + std::to_string(ci));
  }
  if (node.bias && graph.parameters[*node.bias].shape != std::vector<std::int64_t>{co}) {
    fail(op, "bias must have one value for each of the " + std::to_string(co) + " output channels");
  }
  const auto& attributes = std::get<ConvolutionAttributes>(node.attributes);
  const auto size = transposed ? convolved_transposed : convolved;
  return {in.n, co, size(in.h, weight[2], attributes.stride.rows, attributes.padding.rows),
          size(in.w, weight[3], attributes.stride.columns, attributes.padding.columns)};
}

Shape joined_shape(const std::vector<Shape>& inputs) {
  Shape out = inputs[0];
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape& in = inputs[i];
    if (in.n != out.n || in.h != out.h || in.w != out.w) {
      fail("concat", "all inputs must share N, H, W; the first is " + to_string(inputs[0]) +
                         ", another " + to_string(in));
    }
    out.c += in.c;
    check_shape("concat", "the result", out);
  }
  return out;
}

Shape elementwise_shape(const ElementwiseAttributes& attributes, const std::vector<Shape>& inputs) {
  const std::size_t wanted = attributes.kind == ElementwiseKind::scale ? 1 : 2;
  if (inputs.size() != wanted) {
    fail("elementwise",
         "this kind takes " + std::to_string(wanted) + " inputs, got " + std::to_string(inputs.size()));
  }
  if (inputs.front() != inputs.back()) {
    fail("elementwise", "both inputs must have one shape, got " + to_string(inputs.front()) + " and " +
                            to_string(inputs.back()));
  }
  return inputs[0];
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
      return joined_shape(inputs);
    case Op::elementwise:
      return elementwise_shape(std::get<ElementwiseAttributes>(node.attributes), inputs);
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
