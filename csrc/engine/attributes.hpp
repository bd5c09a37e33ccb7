// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "engine/graph.hpp"
#include "engine/json.hpp"

namespace flownet2 {

/// The attributes of an operator from their JSON object; throws Error naming the node.
Attributes parse_attributes(Op op, const Json& object, const std::string& node);

}  // namespace flownet2
