// SPDX-License-Identifier: Apache-2.0
#include "cpu/simd_avx512.hpp"
// The bodies below are written against the vocabulary above.
#include "cpu/kernels/table.inl.hpp"

namespace flownet2 {

const KernelTable avx512_kernels = make_table("avx512");

}  // namespace flownet2
