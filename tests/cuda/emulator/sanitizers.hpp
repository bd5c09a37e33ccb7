// SPDX-License-Identifier: Apache-2.0
// What the sanitizers are told: fibers are threads to TSan, stacks to ASan; the emulator's own
// bookkeeping is not theirs to judge.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define CUH_ASAN 1
#include <sanitizer/common_interface_defs.h>
#else
#define CUH_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__)
#define CUH_TSAN 1
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* addr);
void __tsan_release(void* addr);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#define CUH_NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define CUH_NO_TSAN
#define CUH_TSAN 0
#endif

#define CUH_NO_SAN __attribute__((no_sanitize("address", "thread", "undefined")))

namespace cuh::detail {

// TSan is to judge the kernel's accesses, not the emulator's own bookkeeping. The counters behind
// these annotations belong to the fiber, so the bracket may span a switch.
struct Ignore {
#if CUH_TSAN
  Ignore() { AnnotateIgnoreReadsBegin("", 0), AnnotateIgnoreWritesBegin("", 0); }
  ~Ignore() { AnnotateIgnoreWritesEnd("", 0), AnnotateIgnoreReadsEnd("", 0); }
#else
  Ignore() {}
  ~Ignore() {}
#endif
};
struct Watch {  // the opposite, inside an Ignore: an access that is the kernel's own
#if CUH_TSAN
  Watch() { AnnotateIgnoreWritesEnd("", 0), AnnotateIgnoreReadsEnd("", 0); }
  ~Watch() { AnnotateIgnoreReadsBegin("", 0), AnnotateIgnoreWritesBegin("", 0); }
#else
  Watch() {}
  ~Watch() {}
#endif
};

#if CUH_TSAN
/// All that one fiber did comes before what the other, which runs now, does next: a switch with flag 0
/// says so.
CUH_NO_TSAN inline void hand_over(void* from, void* to) {
  __tsan_switch_to_fiber(from, 1);
  __tsan_switch_to_fiber(to, 0);
}
#endif
inline void tsan_release(void* p) {
#if CUH_TSAN
  __tsan_release(p);
#else
  (void)p;
#endif
}
inline void tsan_acquire(void* p) {
#if CUH_TSAN
  __tsan_acquire(p);
#else
  (void)p;
#endif
}

}  // namespace cuh::detail
