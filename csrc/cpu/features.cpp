// SPDX-License-Identifier: Apache-2.0
#include "cpu/features.hpp"

#if defined(FLOWNET2_X86_64)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

#include <cstdint>

namespace flownet2 {

#if defined(FLOWNET2_X86_64)
namespace {

bool bit(unsigned int word, int place) { return (word >> place & 1u) != 0; }

/// XCR0: the register state that the operating system saves. To be read only if CPUID says OSXSAVE.
std::uint64_t saved_state() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

/// Asks Linux for the tile registers, once and for all threads of the process. It refuses where an
/// alternate signal stack is too small for them.
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

}  // namespace

CpuFeatures cpu_features() {
  CpuFeatures found;
  unsigned int a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return found;
  const bool fma = bit(c, 12);
  const bool os_saves = bit(c, 27);
  if (!os_saves || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return found;
  constexpr std::uint64_t ymm = 0x06;  // SSE and AVX registers
  constexpr std::uint64_t zmm = 0xe6;  // those, mask registers, and the upper and the further zmm
  const std::uint64_t state = saved_state();
  found.avx2 = fma && bit(b, 5) && (state & ymm) == ymm;
  const bool f_dq_bw_vl = bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31);
  found.avx512 = found.avx2 && f_dq_bw_vl && (state & zmm) == zmm;
  const unsigned int subleaves = a;
  const bool tiles = bit(d, 22) && bit(d, 24);
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
    found.avx512_bf16 = found.avx512 && bit(a, 5);
  }
  constexpr std::uint64_t tile_state = 0x60000;
  found.amx = found.avx512_bf16 && tiles && (state & tile_state) == tile_state && may_use_tiles();
  return found;
}
#else
CpuFeatures cpu_features() { return {}; }
#endif

}  // namespace flownet2
