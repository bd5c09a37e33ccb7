// SPDX-License-Identifier: Apache-2.0
// The types of the elements of tensors on the GPU.
#pragma once

#include <cstdint>

namespace flownet2::cuda {

enum class Number { float32, float16, bfloat16 };

inline std::int64_t bytes_of(Number number) { return number == Number::float32 ? 4 : 2; }

}  // namespace flownet2::cuda
