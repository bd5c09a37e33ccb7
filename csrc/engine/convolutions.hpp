// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/network.hpp>

#include <memory>
#include <vector>

#include "engine/graph.hpp"
#include "ops/convolution.hpp"

namespace flownet2 {

/// The convolution of each node, null for nodes of another kind; nodes with the same parameters and
/// attributes share it.
using Convolutions = std::vector<std::shared_ptr<const Convolution>>;

/// `element` is that of the blocked activations. Throws Error if a parameter of the graph is missing or
/// has another shape.
Convolutions make_convolutions(const Graph& graph, const std::vector<ParameterView>& given,
                               Element element);

}  // namespace flownet2
