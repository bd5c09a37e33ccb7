#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C++ tests and the Python tests of compiled code under the address and undefined behaviour sanitizers.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
preset_build asan build/ci/asan -DCMAKE_CXX_COMPILER=g++
# Tests that reach compiled code, and those of all readers of files, but for the samples of checkpoints: that test limits
# the address space, which this sanitizer needs.
# Left out: fork while another thread allocates. GCC's address sanitizer does not guard its allocator across fork(), so a
# child may wait for ever on a lock of the sanitizer's own; the test runs in every other lane. Likewise the tests of little
# memory and of quick answers to Ctrl-C: the sanitizer needs much memory, address space and time.
sanitized_pytest build/ci/asan libasan.so --deselect tests/test_runtime.py::test_fork_after_use \
  --deselect tests/engine/test_interruptions.py::test_memory_that_is_not_to_be_had \
  --ignore tests/engine/test_memory.py \
  --deselect tests/engine/test_interruptions.py::test_a_signal_ends_a_run_soon \
  --deselect tests/embed/test_c_calls.py::test_another_thread_stops_a_long_call \
  --ignore tests/weights/test_samples.py \
  tests/ops tests/engine tests/networks tests/embed tests/weights tests/test_api.py tests/test_runtime.py
