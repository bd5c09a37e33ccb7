// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share: an Error is an answer, everything else that comes out is a finding.
#pragma once

#include <flownet2/error.hpp>

#include <cstddef>
#include <cstdint>

template <typename Action>
void only_errors(const Action& action) {
  try {
    action();
  } catch (const flownet2::Error&) {
  }
}

/// Memory that is not to be had is an Error of ours, not one of the sanitizer. Not inline: nothing here
/// calls it, and each target is one source file.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
