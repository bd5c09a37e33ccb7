#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C++ tests and the Python tests of compiled code under the address and undefined behaviour sanitizers.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
preset_build asan build/ci/asan -DCMAKE_CXX_COMPILER=g++
# Only tests that reach compiled code; those of the file readers limit the address space, which this sanitizer needs.
# Left out: fork while another thread allocates. GCC's address sanitizer does not guard its allocator across fork(), so a
# child may wait for ever on a lock of the sanitizer's own; the test runs in every other lane.
sanitized_pytest build/ci/asan libasan.so --deselect tests/test_runtime.py::test_fork_after_use \
  tests/ops tests/networks tests/test_api.py tests/test_runtime.py
