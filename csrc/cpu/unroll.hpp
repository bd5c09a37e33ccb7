// SPDX-License-Identifier: Apache-2.0
// FLOWNET2_UNROLL before a loop with a constant count over an array of vectors: unrolled completely, so
// that the array stays in registers.
#pragma once

#if defined(__clang__)
#define FLOWNET2_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define FLOWNET2_UNROLL _Pragma("GCC unroll 32")
#else
#define FLOWNET2_UNROLL
#endif

// FLOWNET2_PREFETCH(address): asks for a cache line that will be read, into the second level.
#if defined(__GNUC__)
#define FLOWNET2_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define FLOWNET2_PREFETCH(address) static_cast<void>(address)
#endif
