// SPDX-License-Identifier: Apache-2.0
// The same vocabulary as isa_avx512.cpp; its functions on bfloat16 see that they have instructions.
#include "cpu/simd_avx512.hpp"
// The bodies below are written against the vocabulary above.
#include "cpu/kernels/table.inl.hpp"

namespace flownet2 {

const KernelTable avx512_bf16_kernels = make_table("avx512_bf16");

}  // namespace flownet2
