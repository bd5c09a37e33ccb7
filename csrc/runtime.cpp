// SPDX-License-Identifier: Apache-2.0
#include <flownet2/runtime.hpp>
#include <flownet2/version.h>

#include "cpu/dispatch.hpp"

namespace flownet2 {
namespace {

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#elif defined(_MSC_VER)
  return "msvc " + std::to_string(_MSC_FULL_VER);
#else
  return "unknown";
#endif
}

}  // namespace

BuildInfo build_info() {
#ifdef NDEBUG
  const bool assertions = false;
#else
  const bool assertions = true;
#endif
  return {FLOWNET2_VERSION, compiler_name(), FLOWNET2_BUILD_TYPE, assertions, isa(), isas()};
}

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (const KernelTable* table : available_kernels()) names.emplace_back(table->name);
  return names;
}

std::string isa() { return process_kernels().name; }

}  // namespace flownet2
