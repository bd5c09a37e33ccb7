// SPDX-License-Identifier: Apache-2.0
// The numbers of stored tensors as float32.
#pragma once

#include <cstdint>

#include "model/safetensors.hpp"
#include "model/source.hpp"

namespace flownet2 {

/// Writes the `count` numbers of a floating type that begin at byte `offset`; float64 is rounded to
/// nearest and infinite where float32 is too small. Returns whether all are finite. Throws what reading
/// throws.
bool read_floats(const Source& source, std::uint64_t offset, StoredType type, std::int64_t count,
                 float* to);

/// The numbers in memory themselves, if they are float32 and aligned, else null.
const float* floats_in_place(const Source& source, std::uint64_t offset, StoredType type);

bool all_finite(const float* numbers, std::int64_t count);

}  // namespace flownet2
