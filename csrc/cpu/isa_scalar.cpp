// SPDX-License-Identifier: Apache-2.0
#include "cpu/simd_scalar.hpp"
// The bodies below are written against the vocabulary above.
#include "cpu/kernels/table.inl.hpp"

namespace flownet2 {

const KernelTable scalar_kernels = make_table("scalar");

}  // namespace flownet2
