// SPDX-License-Identifier: Apache-2.0
// What the processor and the operating system let this process execute.
#pragma once

namespace flownet2 {

struct CpuFeatures {
  bool avx2 = false;         // AVX2 and FMA
  bool avx512 = false;       // AVX-512 F, BW, VL and DQ
  bool avx512_bf16 = false;  // those and BF16
  bool amx = false;          // those, AMX-TILE and AMX-BF16, and the system lets this process use them
};

CpuFeatures cpu_features();

}  // namespace flownet2
