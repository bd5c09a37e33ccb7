// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace flownet2 {

/// What the processor computes at best: GFLOP/s, multiplications and additions, of num_threads() threads
/// with isa(), nothing loaded or stored; the best of a few tries, 0.2 s in all. kind: "fma", float32, or
/// "bf16", products of bfloat16 summed in float32; 0 where isa() has no such arithmetic. Other work on
/// the machine lowers it. Throws Error for another kind, and as isa() and num_threads().
double measure_peak(const std::string& kind);

}  // namespace flownet2
