#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C++ with warnings as errors and assertions on, and its tests. Where FULL is set, by every compiler, optimised too.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
preset_build dev build/ci/dev -DCMAKE_CXX_COMPILER=g++
[[ -n $FULL ]] || exit 0
preset_build release build/ci/release -DCMAKE_CXX_COMPILER=g++
if command -v clang++ >/dev/null; then
  preset_build dev build/ci/dev-clang -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
  preset_build release build/ci/release-clang -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
fi
