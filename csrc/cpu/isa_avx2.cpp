// SPDX-License-Identifier: Apache-2.0
#include "cpu/simd_avx2.hpp"
// The bodies below are written against the vocabulary above.
#include "cpu/kernels/table.inl.hpp"

namespace flownet2 {

const KernelTable avx2_kernels = make_table("avx2");

}  // namespace flownet2
