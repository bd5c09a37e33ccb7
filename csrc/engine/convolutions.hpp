// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/network.hpp>

#include <memory>
#include <vector>

#include "engine/graph.hpp"
#include "ops/convolution.hpp"
#include "ops/flow_head.hpp"

namespace flownet2 {

/// Of one node: a convolution, or the one into few channels; the latter also together with the
/// convolution that it can be composed with.
struct NodeConvolution {
  std::shared_ptr<const Convolution> convolution;
  std::shared_ptr<const FlowHead> head;
  std::shared_ptr<const FlowHead> composed;
};

/// By node, empty for nodes of another kind; nodes with the same parameters and attributes share theirs.
using Convolutions = std::vector<NodeConvolution>;

/// `element` is that of the blocked activations. Throws Error if a parameter of the graph is missing or
/// has another shape.
Convolutions make_convolutions(const Graph& graph, const std::vector<ParameterView>& given,
                               Element element);

}  // namespace flownet2
