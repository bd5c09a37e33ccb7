// SPDX-License-Identifier: Apache-2.0
// The reader of JSON texts in model files.
#include <string_view>

#include "engine/json.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  only_errors([&] { flownet2::parse_json({reinterpret_cast<const char*>(data), size}); });
  return 0;
}
