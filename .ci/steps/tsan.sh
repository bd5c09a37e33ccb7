#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C++ tests and the Python tests of the operators and of the C library under the thread sanitizer.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
preset_build tsan build/ci/tsan -DCMAKE_CXX_COMPILER=g++
# Left out: a test of quick answers, for which this sanitizer is too slow.
sanitized_pytest build/ci/tsan libtsan.so \
  --deselect tests/embed/test_c_calls.py::test_another_thread_stops_a_long_call tests/ops tests/embed
