// SPDX-License-Identifier: Apache-2.0
#include "engine/passes.hpp"

#include "engine/shapes.hpp"
#include "ops/composed_head.hpp"

namespace flownet2 {
namespace {

/// Which values are needed for the wanted ones.
std::vector<bool> find_needed(const Graph& graph, const std::vector<std::size_t>& wanted) {
  std::vector<bool> needed(graph.inputs.size() + graph.nodes.size(), false);
  for (const std::size_t value : wanted) needed[value] = true;
  for (std::size_t value = needed.size(); value-- > graph.inputs.size();) {
    if (!needed[value]) continue;
    for (const std::size_t input : graph.producer(value)->inputs) needed[input] = true;
  }
  return needed;
}

std::vector<std::size_t> count_users(const Graph& graph) {
  std::vector<std::size_t> users(graph.inputs.size() + graph.nodes.size(), 0);
  for (const GraphNode& node : graph.nodes) {
    for (const std::size_t input : node.inputs) ++users[input];
  }
  return users;
}

}  // namespace

ConvolutionSpec spec_of(const Graph& graph, const GraphNode& node) {
  const auto& attributes = std::get<ConvolutionAttributes>(node.attributes);
  const auto& weight = graph.parameters[*node.weight].shape;
  ConvolutionSpec spec;
  spec.transposed = node.op == Op::conv_transpose2d;
  spec.ci = weight[spec.transposed ? 0 : 1];
  spec.co = weight[spec.transposed ? 1 : 0];
  spec.kh = weight[2];
  spec.kw = weight[3];
  spec.sh = attributes.stride.rows;
  spec.sw = attributes.stride.columns;
  spec.ph = attributes.padding.rows;
  spec.pw = attributes.padding.columns;
  spec.leaky_slope = attributes.leaky_slope;
  return spec;
}

bool is_flow_head(const Graph& graph, std::size_t value) {
  const GraphNode* node = graph.producer(value);
  return node != nullptr && node->weight && is_flow_head(spec_of(graph, *node));
}

Compositions find_compositions(const Graph& graph) {
  const std::vector<std::size_t> users = count_users(graph);
  Compositions found(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& head = graph.nodes[i];
    if (!head.weight) continue;
    const GraphNode* inner = graph.producer(head.inputs[0]);
    if (inner == nullptr || !inner->weight || users[head.inputs[0]] != 1) continue;
    if (can_compose(spec_of(graph, *inner), spec_of(graph, head))) found[i] = head.inputs[0];
  }
  return found;
}

Work find_work(const Graph& graph, const std::vector<Shape>& inputs,
               const std::vector<std::size_t>& wanted, bool exact_graph) {
  Work work;
  work.needed = find_needed(graph, wanted);
  work.shapes = infer_shapes(graph, inputs, work.needed);
  work.composed_with.resize(work.needed.size());
  for (std::size_t value = 0; value < work.needed.size(); ++value) {
    const GraphNode* node = graph.producer(value);
    work.inputs.push_back(node == nullptr ? std::vector<std::size_t>() : node->inputs);
  }
  if (exact_graph) return work;
  std::vector<bool> is_wanted(work.needed.size(), false);
  for (const std::size_t value : wanted) is_wanted[value] = true;
  const Compositions compositions = find_compositions(graph);
  for (std::size_t i = 0; i < compositions.size(); ++i) {
    const std::size_t value = graph.inputs.size() + i;
    if (!compositions[i] || !work.needed[value]) continue;
    const std::size_t inner = *compositions[i];
    const Shape& shape = work.shapes[value];
    // A pixel of a narrower picture lies on both sides of the ring.
    if (is_wanted[inner] || shape.h < 2 || shape.w < 2) continue;
    work.composed_with[value] = inner;
    work.inputs[value] = graph.producer(inner)->inputs;
    work.needed[inner] = false;
  }
  return work;
}

}  // namespace flownet2
