#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The GPU's kernels without a GPU: on the CPU against the reference, under the sanitizers, with mistakes planted, and
# compiled by nvcc for every architecture. FULL=1: every planted race, and more cases under the sanitizers.
set -euo pipefail

mkdir -p build/ci
make --no-print-directory tools
PATH=$PWD/$VENV/bin:$PATH
pybind11=$("$VENV/bin/python" -c 'import pybind11; print(pybind11.get_cmake_dir())')

configure() { # FOLDER [CMAKE OPTION ...]
  local folder=$1
  shift
  cmake -S . -B "$folder" -G Ninja -DPython_EXECUTABLE="$PWD/$VENV/bin/python" -Dpybind11_DIR="$pybind11" \
    -DFLOWNET2_WERROR=ON "$@" >"$folder.log" 2>&1 || {
    cat "$folder.log"
    return 1
  }
}

emulated() { # FOLDER [CMAKE OPTION ...]
  configure "$@" -DCMAKE_CXX_COMPILER=g++ -DFLOWNET2_CUDA_EMULATED=ON
  cmake --build "$1" --target _cuda_host cuda_selftest
}

one() { # PATTERN ...: the one file that it names
  (($# == 1)) && [[ -f $1 ]] && printf '%s\n' "$1"
}

emulated build/ci/cuda -DCMAKE_BUILD_TYPE=Release
emulated build/ci/cuda-asan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFLOWNET2_SANITIZE=address,undefined
emulated build/ci/cuda-tsan -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFLOWNET2_SANITIZE=thread
configure build/ci/cuda-nvcc -DCMAKE_BUILD_TYPE=Release -DFLOWNET2_PYTHON=ON -DFLOWNET2_CUDA=ON
cmake --build build/ci/cuda-nvcc --target _cuda

FLOWNET2_CUDA_DEVICE=$(one "$PWD"/build/ci/cuda-nvcc/csrc/python/_cuda.*.so)
FLOWNET2_CUDA_SELFTEST_PLAIN=$PWD/build/ci/cuda/tests/cuda/cuda_selftest
FLOWNET2_CUDA_SELFTEST_ASAN=$PWD/build/ci/cuda-asan/tests/cuda/cuda_selftest
FLOWNET2_CUDA_SELFTEST_TSAN=$PWD/build/ci/cuda-tsan/tests/cuda/cuda_selftest
export FLOWNET2_CUDA_DEVICE FLOWNET2_CUDA_SELFTEST_PLAIN FLOWNET2_CUDA_SELFTEST_ASAN FLOWNET2_CUDA_SELFTEST_TSAN

slow=(-m "not slow")
[[ -z $FULL ]] || slow=()
FLOWNET2_CUDA_HOST=$(one "$PWD"/build/ci/cuda/tests/cuda/_cuda_host.*.so) \
  "$VENV/bin/python" -m pytest -q -p no:cacheprovider "${slow[@]}" --durations=5 tests/cuda

# What the compilers tell of the code for GPUs. The disassembler and NVRTC are the build's own, not the package's.
tools=build/ci/cuda-tools
[[ -x $tools/bin/python ]] || "$PYTHON" -m venv "$tools"
"$tools/bin/python" -m pip -qq install "nvidia-cuda-nvdisasm>=13,<14" "nvidia-cuda-nvrtc>=13,<14"
packages=$("$tools/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia/cu13
architectures=(80 90 120)
[[ -z $FULL ]] || architectures=(80 86 89 90 100 120)
PATH=$(dirname "$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' build/ci/cuda-nvcc/CMakeCache.txt)"):$PATH
"$VENV/bin/python" tests/cuda/static_bars.py "$(one "$packages"/bin/nvdisasm)" "${architectures[@]}"
"$VENV/bin/python" tests/cuda/nvrtc_check.py "$(one "$packages"/lib/libnvrtc.so.[0-9]*)" "${architectures[@]}"

# The same tests on sanitized builds, the small ones: the interpreter is not sanitized, so the runtime is loaded first.
sanitized() { # FOLDER RUNTIME SELECTION
  local runtime
  runtime="$(g++ -print-file-name="$2") $(g++ -print-file-name=libstdc++.so)"
  FLOWNET2_CUDA_HOST=$(one "$PWD/$1"/tests/cuda/_cuda_host.*.so) ASAN_OPTIONS=detect_leaks=0 \
    TSAN_OPTIONS="suppressions='$PWD/.ci/tsan.supp'" UBSAN_OPTIONS=print_stacktrace=1 OPENBLAS_NUM_THREADS=1 \
    LD_PRELOAD=$runtime "$VENV/bin/python" -m pytest -q -s -p no:cacheprovider -k "$3" \
    tests/cuda/test_correlation.py tests/cuda/test_arrays.py
}
small="1x7x9 or slices or whole_call or cases_in_halves"
smallest="1x7x9-96 or slices or whole_call"
sanitized build/ci/cuda-asan libasan.so "$small"
sanitized build/ci/cuda-tsan libtsan.so "${FULL:+$small or }$smallest"
