#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The library for a processor that is not x86, with the portable kernels alone: built for aarch64, its C++ tests under
# an emulator.
set -euo pipefail
. .ci/lib.sh

mkdir -p build/ci
make --no-print-directory tools
PATH=$PWD/$VENV/bin:$PATH
cmake -S . -B build/ci/aarch64 -G Ninja -DCMAKE_BUILD_TYPE=Release -DFLOWNET2_TESTS=ON -DFLOWNET2_WERROR=ON \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
  -DCMAKE_CROSSCOMPILING_EMULATOR="qemu-aarch64;-L;/usr/aarch64-linux-gnu" >build/ci/aarch64.log || {
  cat build/ci/aarch64.log
  exit 1
}
cmake --build build/ci/aarch64
# Without `threads`: the emulator itself aborts where a process with threads forks.
ctest --test-dir build/ci/aarch64 --output-on-failure --no-tests=error -E '^threads$'
