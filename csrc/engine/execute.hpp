// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/array_view.hpp>

#include <vector>

#include "engine/convolutions.hpp"
#include "engine/graph.hpp"
#include "engine/plan.hpp"

namespace flownet2 {

/// The memory of one run.
struct Memories {
  float* arena = nullptr;
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
};

/// One step of `plan`.
void execute_step(const Graph& graph, const Convolutions& convolutions, const Plan& plan,
                  const Step& step, const Memories& memories);

}  // namespace flownet2
