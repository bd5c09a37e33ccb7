// SPDX-License-Identifier: Apache-2.0
// The graph text (docs/model-format.md) as a struct. Values are numbered: the inputs first, then the
// nodes, in their order.
#pragma once

#include <flownet2/ops.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace flownet2 {

enum class Op {
  conv2d,
  conv_transpose2d,
  leaky_relu,
  correlation,
  warp,
  channel_norm,
  resize,
  concat,
  elementwise,
};

/// The stem, as in the graph text.
const char* op_name(Op op);

struct Pair {
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  friend bool operator==(const Pair& a, const Pair& b) {
    return a.rows == b.rows && a.columns == b.columns;
  }
};

struct ConvolutionAttributes {
  Pair stride = {1, 1};
  Pair padding = {0, 0};
  std::optional<float> leaky_slope;
};

struct LeakyReluAttributes {
  float slope = 0.1f;
};

/// Exactly one of scale and size is given.
struct ResizeAttributes {
  std::optional<Pair> scale;
  std::optional<Pair> size;
  ResizeMode mode = ResizeMode::bilinear;
  bool align_corners = false;
};

struct ElementwiseAttributes {
  ElementwiseKind kind = ElementwiseKind::scale;
  float factor = 1.0f;
};

/// std::monostate for operators without attributes.
using Attributes =
    std::variant<std::monostate, ConvolutionAttributes, LeakyReluAttributes, CorrelationOptions,
                 WarpOptions, ResizeAttributes, ElementwiseAttributes>;

struct GraphNode {
  std::string name;
  Op op = Op::concat;
  std::vector<std::size_t> inputs;  // values
  Attributes attributes;
  std::optional<std::size_t> weight;  // parameters
  std::optional<std::size_t> bias;
};

struct GraphInput {
  std::string name;
  std::int64_t channels = 0;
};

struct GraphParameter {
  std::string name;
  std::vector<std::int64_t> shape;
};

struct Graph {
  std::string name;
  std::int64_t size_multiple = 1;
  std::vector<GraphInput> inputs;
  std::vector<GraphParameter> parameters;
  std::vector<GraphNode> nodes;
  std::vector<std::pair<std::string, std::size_t>> outputs;  // public name, value

  /// The node that computes a value, or null for an input.
  const GraphNode* producer(std::size_t value) const {
    return value < inputs.size() ? nullptr : &nodes[value - inputs.size()];
  }

  const std::string& value_name(std::size_t value) const {
    return value < inputs.size() ? inputs[value].name : nodes[value - inputs.size()].name;
  }

  /// The value that a public output's or a value's name stands for.
  std::optional<std::size_t> find(std::string_view name) const;
};

/// The checked graph: known fields, operators and attributes only, and channels that fit.
/// Throws Error naming the node or field.
Graph parse_graph(std::string_view text);

}  // namespace flownet2
