// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/convolutions.hpp"
#include "engine/graph.hpp"
#include "engine/plan.hpp"
#include "engine/tensors.hpp"

namespace flownet2 {

/// One step of `plan`.
void execute_step(const Graph& graph, const Convolutions& convolutions, const Plan& plan,
                  const Step& step, const Memories& memories);

}  // namespace flownet2
