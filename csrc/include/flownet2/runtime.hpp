// SPDX-License-Identifier: Apache-2.0
// Threads and build facts. All functions may be called from any thread at any time.
#pragma once

#include <flownet2/export.h>

#include <string>
#include <vector>

namespace flownet2 {

/// Largest number of threads that can be asked for.
inline constexpr int max_threads = 1024;

/// Threads of one operator call, from 1 to max_threads, for the whole process; throws Error otherwise.
FLOWNET2_API void set_num_threads(int count);

/// What set_num_threads set, else FLOWNET2_NUM_THREADS, else the CPUs that the process may use: the
/// scheduler's affinity mask and the cgroup's CPU quota. Throws Error if the environment variable is not
/// a legal number.
FLOWNET2_API int num_threads();

/// Instruction sets with kernels in this library that the processor has, from the plainest to the one
/// preferred.
FLOWNET2_API std::vector<std::string> isas();

/// The one in use for the whole process: the environment variable FLOWNET2_ISA, else the preferred one;
/// fixed at the first use. Throws Error if the variable names none of isas().
FLOWNET2_API std::string isa();

/// Of this build on this machine.
struct BuildInfo {
  std::string version;
  std::string compiler;
  std::string build_type;
  bool assertions;  // NDEBUG was not set
  std::string isa;
  std::vector<std::string> isas;
};

/// Throws as isa().
FLOWNET2_API BuildInfo build_info();

}  // namespace flownet2
