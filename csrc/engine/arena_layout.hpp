// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/plan.hpp"

namespace flownet2 {

/// Sets the offsets so that buffers alive in a common step do not overlap; returns the floats needed.
/// Largest buffers first, each at the lowest offset that is free during its life.
std::int64_t place_buffers(std::vector<Buffer>& buffers);

}  // namespace flownet2
