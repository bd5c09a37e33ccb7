// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/graph.hpp"
#include "engine/network.hpp"
#include "engine/plan.hpp"

namespace flownet2 {

/// The operator's stem, or "layout" for a change of layout, "composed" for two convolutions as one,
/// "link" for several nodes band by band.
const char* step_name(const Graph& graph, const Step& step);

std::vector<std::string> value_names(const Graph& graph, const Step& step);

PlanInfo describe_plan(const Graph& graph, const Plan& plan);

}  // namespace flownet2
