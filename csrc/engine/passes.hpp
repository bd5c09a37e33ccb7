// SPDX-License-Identifier: Apache-2.0
// What a plan computes of a graph: the nodes that the wanted values need, pairs of convolutions as one
// where nobody asks for the value between them.
#pragma once

#include <flownet2/array_view.hpp>

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/graph.hpp"
#include "ops/convolution.hpp"

namespace flownet2 {

/// The convolution of a node of that kind.
ConvolutionSpec spec_of(const Graph& graph, const GraphNode& node);

/// Whether a value comes from a convolution into few channels (ops/flow_head.hpp).
bool is_flow_head(const Graph& graph, std::size_t value);

/// For each node: the convolution, a value, that it can be composed with because nothing else reads it.
using Compositions = std::vector<std::optional<std::size_t>>;
Compositions find_compositions(const Graph& graph);

/// All by value.
struct Work {
  std::vector<bool> needed;
  std::vector<std::vector<std::size_t>> inputs;           // what is read
  std::vector<std::optional<std::size_t>> composed_with;  // a value that is not needed for itself
  std::vector<Shape> shapes;
};

/// exact_graph: no compositions.
Work find_work(const Graph& graph, const std::vector<Shape>& inputs,
               const std::vector<std::size_t>& wanted, bool exact_graph);

}  // namespace flownet2
