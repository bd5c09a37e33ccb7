// SPDX-License-Identifier: Apache-2.0
// Denormal numbers count as 0 while a FlushDenormals lives, where the processor can do so: on many, one
// such operand costs more than a hundred ordinary operations.
#pragma once

#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace flownet2 {

/// Of the calling thread; the state before comes back with the destructor.
class FlushDenormals {
 public:
  FlushDenormals() : before_(read()) { write(before_ | bits); }
  ~FlushDenormals() { write(before_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__SSE2__) || defined(_M_X64)
  using Word = unsigned int;
  static constexpr Word bits = 0x8040;  // flush results to zero, read operands as zero
  static Word read() { return _mm_getcsr(); }
  static void write(Word word) { _mm_setcsr(word); }
#elif defined(__aarch64__) && defined(__GNUC__)
  using Word = std::uint64_t;
  static constexpr Word bits = Word{1} << 24;  // FPCR.FZ
  static Word read() {
    Word word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void write(Word word) { __asm__ volatile("msr fpcr, %0" : : "r"(word)); }
#else
  using Word = unsigned int;
  static constexpr Word bits = 0;
  static Word read() { return 0; }
  static void write(Word) {}
#endif

  Word before_;
};

}  // namespace flownet2
