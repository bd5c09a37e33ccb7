// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/array_view.hpp>

#include <vector>

#include "engine/graph.hpp"

namespace flownet2 {

/// Shape of every needed value (all are needed where `needed` is empty), for inputs of the given shapes;
/// throws Error naming the node that does not fit.
std::vector<Shape> infer_shapes(const Graph& graph, const std::vector<Shape>& inputs,
                                const std::vector<bool>& needed);

/// `options` for an input of that shape.
ResizeOptions resize_options(const ResizeAttributes& attributes, const Shape& input);

}  // namespace flownet2
