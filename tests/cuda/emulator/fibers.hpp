// SPDX-License-Identifier: Apache-2.0
// Fibers: a stack each, and the switch between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitizers.hpp"

#if !defined(__x86_64__) && !defined(CUH_UCONTEXT)
#define CUH_UCONTEXT 1  // only x86-64 has the fast switch below
#endif
#if defined(CUH_UCONTEXT)
#include <ucontext.h>
#endif

namespace cuh::detail {

// ---------------------------------------------------------------- context switch
#if !defined(CUH_UCONTEXT)
extern "C" void cuh_switch_(void** save_sp, void* load_sp);
// Saves the callee-saved registers, swaps stacks, restores. COMDAT, so any number of TUs may
// include this header. (mxcsr and the x87 control word are not switched: kernels do not touch them.)
__asm__(
    ".pushsection .text.cuh_switch_,\"axG\",@progbits,cuh_switch_,comdat\n"
    ".weak cuh_switch_\n.hidden cuh_switch_\n.type cuh_switch_,@function\n"
    "cuh_switch_:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  popq %rcx\n  jmp *%rcx\n"  // not ret: the return predictor would always be wrong
    ".size cuh_switch_,.-cuh_switch_\n.popsection\n");
#endif

struct Stack {
  char* base = nullptr;
  size_t size = 0;
};

struct Context {
#if defined(CUH_UCONTEXT)
  ucontext_t uc;
#else
  void* sp = nullptr;
#endif
  void* asan_fake = nullptr;
  void* tsan = nullptr;
  Stack stack;
};

inline Stack new_stack() {
  Stack s;
  s.size = (CUH_ASAN || CUH_TSAN) ? 256 * 1024 : 64 * 1024;
  void* p =
      mmap(nullptr, s.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  mprotect(p, size_t(sysconf(_SC_PAGESIZE)), PROT_NONE);  // a kernel that overflows its stack faults
  s.base = static_cast<char*>(p);
  return s;
}

// Lays out a new fiber: the first switch to it calls entry().
inline void start(Context& ctx, void (*entry)()) {
#if defined(CUH_UCONTEXT)
  getcontext(&ctx.uc);
  ctx.uc.uc_stack.ss_sp = ctx.stack.base;
  ctx.uc.uc_stack.ss_size = ctx.stack.size;
  ctx.uc.uc_link = nullptr;
  makecontext(&ctx.uc, entry, 0);
#else
  void** sp = reinterpret_cast<void**>(ctx.stack.base + ctx.stack.size);
  *--sp = nullptr;  // entry's return address: none; rsp % 16 == 8 there, as the ABI asks
  *--sp = reinterpret_cast<void*>(entry);       // popped by ret
  for (int i = 0; i < 6; ++i) *--sp = nullptr;  // rbp rbx r12..r15
  ctx.sp = sp;
#endif
}

// Leaves `from` for `to`; returns when someone switches back to `from`.
CUH_NO_SAN inline void switch_to(Context& from, Context& to, bool dying) {
  (void)dying;
#if CUH_ASAN
  __sanitizer_start_switch_fiber(dying ? nullptr : &from.asan_fake, to.stack.base, to.stack.size);
#endif
#if CUH_TSAN
  __tsan_switch_to_fiber(to.tsan, 1);  // 1 = no synchronisation implied by the switch
#endif
#if defined(CUH_UCONTEXT)
  swapcontext(&from.uc, &to.uc);
#else
  cuh_switch_(&from.sp, to.sp);
#endif
#if CUH_ASAN
  __sanitizer_finish_switch_fiber(from.asan_fake, nullptr, nullptr);
#endif
}
#if CUH_ASAN
inline Stack host_stack() {
  Stack s;
  pthread_attr_t a;
  void* base;
  pthread_getattr_np(pthread_self(), &a);
  pthread_attr_getstack(&a, &base, &s.size);
  pthread_attr_destroy(&a);
  s.base = static_cast<char*>(base);
  return s;
}
#endif

}  // namespace cuh::detail
