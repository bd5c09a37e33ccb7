// SPDX-License-Identifier: Apache-2.0
// Division of sizes; arguments are positive.
#pragma once

#include <cstdint>

namespace flownet2 {

inline constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace flownet2
