// SPDX-License-Identifier: Apache-2.0
// Runs ordinary CUDA C++ kernels on the CPU, for tests. Every CUDA thread of a block is a fiber with its
// own stack; __syncthreads(), warp shuffles, votes, mma.sync and ldmatrix are real meeting points of
// those fibers.
//
// Found: wrong results; missing barriers (fibers run in a random order, shared memory starts as NaN, and
// under TSan each fiber is a thread that only barriers order); barriers and warp operations that some
// threads never reach (an error with a list of who waits where, not a hang); accesses out of bounds and
// misaligned ones, under ASan and UBSan; launches beyond the limits; cp.async read too early or
// overwritten too late.
//
// Not found: anything about speed, ordering of memory finer than "between two meeting points", the
// device's own rounding in mma and in fast intrinsics, mistakes in the PTX strings of
// csrc/cuda/device.cuh.
//
// Environment:
//   CUH_SEED=n                      the schedule; 0 = every thread in order (the friendliest)
//   CUH_ARCH=80|86|89|90|100|120    whose shared memory limits hold (default 80)
//   CUH_ALLOW_EXITED=1              barriers pass although some threads have returned
//
// One launch at a time, on one thread of the operating system. Test infrastructure, not a CPU backend.
#pragma once

#define CUH_EMULATED 1

#include "engine_run.hpp"
#include "engine_sync.hpp"
#include "half.hpp"
#include "intrinsics.hpp"
#include "kernel_api.hpp"
