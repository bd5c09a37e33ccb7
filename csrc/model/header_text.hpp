// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "model/safetensors.hpp"

namespace flownet2 {

/// The JSON of a header, of a file with `size` bytes of data. Reads this grammar and no other, so that
/// no text takes much more memory than it has bytes. Tensors may overlap or leave holes. Throws Error
/// (bad_model_file).
SafetensorsHeader parse_header_text(std::string_view text, std::uint64_t size);

}  // namespace flownet2
