// SPDX-License-Identifier: Apache-2.0
// Which nodes share a step: links, chains of planar operators whose rows depend on the same rows only,
// and the same convolution of several inputs.
#pragma once

#include <vector>

#include "engine/layouts.hpp"
#include "engine/units.hpp"

namespace flownet2 {

/// Joins nodes to links. Inside one every value has the same rows; what an operator reads beyond them
/// comes from outside.
void join_links(const Graph& graph, const Work& work, const Layouts& layouts, Units& units);

/// Joins nodes that apply one convolution, with the same parameters, to several inputs of one shape.
void join_batches(const Graph& graph, const Work& work, const Layouts& layouts, Element element,
                  Units& units);

}  // namespace flownet2
