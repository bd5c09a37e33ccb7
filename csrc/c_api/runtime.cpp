// SPDX-License-Identifier: Apache-2.0
#include <flownet2/runtime.hpp>

#include "c_api/status.hpp"
#include "cpu/dispatch.hpp"

using namespace flownet2;
using c_api::guarded;
using c_api::require;

flownet2_status flownet2_set_num_threads(int32_t count) {
  return guarded([&] { set_num_threads(count); });
}

flownet2_status flownet2_num_threads(int32_t* count) {
  return guarded([&] {
    require("flownet2_num_threads: count", count);
    *count = num_threads();
  });
}

flownet2_status flownet2_isa(const char** name) {
  return guarded([&] {
    require("flownet2_isa: name", name);
    *name = process_kernels().name;
  });
}

const char* flownet2_isa_name(int32_t index) {
  const char* name = nullptr;
  guarded([&] {
    const auto& tables = available_kernels();
    if (index >= 0 && static_cast<std::size_t>(index) < tables.size()) {
      name = tables[static_cast<std::size_t>(index)]->name;
    }
  });
  return name;
}
