// SPDX-License-Identifier: Apache-2.0
#include "engine/grouping.hpp"

#include <algorithm>

#include "cpu/blocked.hpp"

namespace flownet2 {
namespace {

/// Whether a node can be computed for some rows alone, from planar inputs.
bool goes_by_rows(const Graph& graph, const Layouts& layouts, std::size_t value) {
  const GraphNode* node = graph.producer(value);
  if (node == nullptr) return false;
  switch (node->op) {
    case Op::resize:
    case Op::warp:
    case Op::channel_norm:
      return true;
    case Op::leaky_relu:
    case Op::elementwise:
      return layouts.of[value] == Layout::planar;
    case Op::concat:
      return std::all_of(node->inputs.begin(), node->inputs.end(),
                         [&](std::size_t input) { return layouts.of[input] == Layout::planar; });
    default:
      return false;
  }
}

/// Whether a node reads of that input more than the rows that it computes.
bool reads_other_rows(const GraphNode& node, std::size_t input) {
  return node.op == Op::resize || (node.op == Op::warp && input == 0);
}

/// Whether every input that is read across rows, or in another layout, comes from outside of both units.
bool stays_in_rows(const Graph& graph, const Layouts& layouts, const Units& units, std::size_t a,
                   std::size_t b) {
  const std::size_t both[] = {units.of(a), units.of(b)};
  for (const std::size_t unit : both) {
    for (const std::size_t member : units.members(unit)) {
      const GraphNode& node = *graph.producer(member);
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const std::size_t from = units.of(node.inputs[i]);
        const bool converted = layouts.of[node.inputs[i]] == Layout::blocked;
        const bool within = from == both[0] || from == both[1];
        if (within && (converted || reads_other_rows(node, i))) return false;
      }
    }
  }
  return true;
}

bool same_convolution(const Graph& graph, const Work& work, std::size_t a, std::size_t b) {
  const GraphNode& one = *graph.producer(a);
  const GraphNode& other = *graph.producer(b);
  if (one.op != other.op || one.weight != other.weight || one.bias != other.bias) return false;
  const auto& first = std::get<ConvolutionAttributes>(one.attributes);
  const auto& second = std::get<ConvolutionAttributes>(other.attributes);
  return first.stride == second.stride && first.padding == second.padding &&
         first.leaky_slope == second.leaky_slope &&
         work.shapes[work.inputs[a][0]] == work.shapes[work.inputs[b][0]];
}

}  // namespace

void join_links(const Graph& graph, const Work& work, const Layouts& layouts, Units& units) {
  for (std::size_t value = graph.inputs.size(); value < work.needed.size(); ++value) {
    if (!work.needed[value] || !goes_by_rows(graph, layouts, value)) continue;
    const GraphNode& node = *graph.producer(value);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::size_t input = node.inputs[i];
      if (!reads_other_rows(node, i) && goes_by_rows(graph, layouts, input) &&
          stays_in_rows(graph, layouts, units, input, value)) {
        units.join(input, value);
      }
    }
  }
}

void join_batches(const Graph& graph, const Work& work, const Layouts& layouts, Element element,
                  Units& units) {
  // Images of one batch lie in the same half of their blocks.
  const auto half = [&](std::size_t value) {
    return layouts.first_group(value) % groups_per_block(element);
  };
  std::vector<std::size_t> convolutions;
  for (std::size_t value = graph.inputs.size(); value < work.needed.size(); ++value) {
    if (!work.needed[value] || !graph.producer(value)->weight || is_flow_head(graph, value)) continue;
    const auto fits = [&](std::size_t other) {
      return same_convolution(graph, work, other, value) && half(other) == half(value) &&
             half(work.inputs[other][0]) == half(work.inputs[value][0]);
    };
    const auto found = std::find_if(convolutions.begin(), convolutions.end(), fits);
    // Neither may need the other: they run at once.
    const bool joined = found != convolutions.end() && !units.needs(value, *found) &&
                        !units.needs(*found, value) && units.join(*found, value);
    if (!joined) convolutions.push_back(value);
  }
}

}  // namespace flownet2
