// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <flownet2/ops.hpp>

#include "cpu/blocked.hpp"
#include "ops/either_layout.hpp"

namespace flownet2 {

/// correlation() of include/flownet2/ops.hpp on tensors in any layout; `out` may be some groups of a
/// larger tensor. Shapes are checked already.
void correlate(const EitherInput& a, const EitherInput& b, const CorrelationOptions& options,
               const EitherOutput& out);

}  // namespace flownet2
