#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C++ tests and the Python tests of the operators and of the C library under the thread sanitizer.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
preset_build tsan build/ci/tsan -DCMAKE_CXX_COMPILER=g++
sanitized_pytest build/ci/tsan libtsan.so tests/ops tests/embed
