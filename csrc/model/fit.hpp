// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "engine/graph.hpp"
#include "model/safetensors.hpp"

namespace flownet2 {

/// Refuses tensors that are not the graph's parameters: missing, unexpected, misshapen, or no floats;
/// all in one Error (bad_model_file).
void check_fit(const Graph& graph, const std::map<std::string, StoredTensor>& tensors);

}  // namespace flownet2
