// SPDX-License-Identifier: Apache-2.0
// Threads and build facts. All functions may be called from any thread at any time.
#pragma once

#include <string>
#include <vector>

namespace flownet2 {

/// Largest number of threads that can be asked for.
inline constexpr int max_threads = 1024;

/// Threads of one operator call, from 1 to max_threads, for the whole process; throws Error otherwise.
void set_num_threads(int count);

/// What set_num_threads set, else FLOWNET2_NUM_THREADS, else the CPUs that the process may use: the
/// scheduler's affinity mask and the cgroup's CPU quota. Throws Error if the environment variable is not
/// a legal number.
int num_threads();

/// Instruction sets with kernels in this library that the processor has, from the plainest to the one
/// preferred.
std::vector<std::string> isas();

/// The one in use for the whole process: the environment variable FLOWNET2_ISA, else the preferred one;
/// fixed at the first use. Throws Error if the variable names none of isas().
std::string isa();

/// What the processor computes at best: GFLOP/s, multiplications and additions, of num_threads() threads
/// with isa(), nothing loaded or stored; the best of a few tries, 0.2 s in all. kind: "fma", float32, or
/// "bf16", products of bfloat16 summed in float32; 0 where isa() has no such arithmetic. Other work on
/// the machine lowers it. Throws Error for another kind, and as isa() and num_threads().
double measure_peak(const std::string& kind);

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
BuildInfo build_info();

/// Stems of the operators in ops.hpp.
std::vector<std::string> op_names();

}  // namespace flownet2
