// SPDX-License-Identifier: Apache-2.0
#include "cpu/simd_avx512.hpp"
#include "cpu/tiles_amx.hpp"
// The bodies below are written against the vocabularies above.
#include "cpu/kernels/table.inl.hpp"
#include "cpu/kernels/tile_convolution.inl.hpp"

namespace flownet2 {

const KernelTable amx_kernels = make_tile_table("amx");

}  // namespace flownet2
