// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "engine/graph.hpp"
#include "engine/network.hpp"
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

/// Packs one convolution after the other, and holds the parameters of one only; `element` is that of the
/// blocked activations. Throws Error if a parameter has another shape than the graph says, or if memory
/// runs out, which names the node; and whatever the source throws.
Convolutions make_convolutions(const Graph& graph, const ParameterSource& parameters, Element element);

}  // namespace flownet2
