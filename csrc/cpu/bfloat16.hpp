// SPDX-License-Identifier: Apache-2.0
// The upper half of a float: 8 bits of exponent, 7 of mantissa.
#pragma once

#include <cstdint>

namespace flownet2 {

struct bfloat16 {
  std::uint16_t bits;
};

}  // namespace flownet2
