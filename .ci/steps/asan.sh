#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C++ tests and the quick Python tests under the address and undefined behaviour sanitizers.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
preset_build asan build/ci/asan -DCMAKE_CXX_COMPILER=g++
# Leaks: the interpreter itself keeps memory until it exits; the C++ tests look for ours.
ASAN_OPTIONS=detect_leaks=0 sanitized_pytest build/ci/asan libasan.so -m "not slow" --ignore=tests/repo
