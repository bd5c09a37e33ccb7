#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The GPU's kernels without a GPU: on the CPU against the reference, under the sanitizers, with mistakes planted, and what
# the compilers tell of the code for GPUs. The module in the package was built by nvcc for every architecture.
# FULL=1: every planted race; every case of a kernel under the sanitizers, but not whole networks, which take them hours.
set -euo pipefail

bash .ci/nvcc.sh
make --no-print-directory tools
PATH=$PWD/$VENV/bin:$PATH
logs=build/ci/cuda-logs
cases=6 # of each test under the sanitizers
mkdir -p "$logs"

one() { # PATTERN ...: the one file that it names
  (($# == 1)) && [[ -f $1 ]] && printf '%s\n' "$1"
}

together() { # FUNCTION ...: all at once; what each says, and its seconds, when all are done
  local name job status=0
  local -A jobs=()
  for name in "$@"; do
    (
      TIMEFORMAT="$name: %0R s, %0U s of the processor"
      time "$name"
    ) >"$logs/$name.log" 2>&1 &
    jobs[$name]=$!
  done
  for name in "$@"; do
    job=ok
    wait "${jobs[$name]}" || job=FAILED status=1
    printf -- '-- %s: %s\n' "$name" "$job"
    cat "$logs/$name.log"
  done
  return "$status"
}

# ---- builds

pybind11=$(python -c 'import pybind11; print(pybind11.get_cmake_dir())')

emulated() { # FOLDER [CMAKE OPTION ...]
  cmake -S . -B "$1" -G Ninja -DPython_EXECUTABLE="$PWD/$VENV/bin/python" -Dpybind11_DIR="$pybind11" \
    -DFLOWNET2_WERROR=ON -DCMAKE_CXX_COMPILER=g++ -DFLOWNET2_CUDA_EMULATED=ON "${@:2}" >"$1.log" 2>&1 || {
    cat "$1.log"
    return 1
  }
  cmake --build "$1" --target _cuda_host cuda_selftest
}
# Compiling takes most of the time: no more optimisation than the small cases need.
sanitizable=(-DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1")
build_plain() { emulated build/ci/cuda -DCMAKE_BUILD_TYPE=Release; }
build_asan() { emulated build/ci/cuda-asan "${sanitizable[@]}" -DFLOWNET2_SANITIZE=address,undefined; }
build_tsan() { emulated build/ci/cuda-tsan "${sanitizable[@]}" -DFLOWNET2_SANITIZE=thread; }

# ---- tests

slow=(-m "not slow")
[[ -z $FULL ]] || slow=()

plain() { # [PYTEST OPTION ...]
  FLOWNET2_CUDA_HOST=$(one "$PWD"/build/ci/cuda/tests/cuda/_cuda_host.*.so) \
    python -m pytest -q -p no:cacheprovider "${slow[@]}" --durations=5 "$@"
}
# Those with planted mistakes compile each, and take as long as all others.
test_mutants() { plain tests/cuda/test_mutants.py; }
test_kernels() { plain --ignore tests/cuda/test_mutants.py tests/cuda; }

networks=(--ignore tests/cuda/test_executor.py --ignore tests/cuda/test_runs.py --ignore tests/cuda/test_cuda_check.py)
# The interpreter is not sanitized, so the runtime is loaded first.
sanitized() { # FOLDER RUNTIME
  local runtime
  runtime="$(g++ -print-file-name="$2") $(g++ -print-file-name=libstdc++.so)"
  [[ -n $FULL ]] || export FLOWNET2_CUDA_CASES=$cases
  FLOWNET2_CUDA_HOST=$(one "$PWD/$1"/tests/cuda/_cuda_host.*.so) FLOWNET2_CUDA_SANITIZED=1 ASAN_OPTIONS=detect_leaks=0 \
    TSAN_OPTIONS="suppressions='$PWD/.ci/tsan.supp'" UBSAN_OPTIONS=print_stacktrace=1 OPENBLAS_NUM_THREADS=1 \
    LD_PRELOAD=$runtime python -m pytest -q -s -p no:cacheprovider "${networks[@]}" --durations=5 tests/cuda
}
test_asan() { sanitized build/ci/cuda-asan libasan.so; }
test_tsan() { sanitized build/ci/cuda-tsan libtsan.so; }

# ---- code for GPUs: the disassembler and NVRTC are the build's own, not the package's

architectures=(80 120)
[[ -z $FULL ]] || architectures=(80 86 89 90 100 120)
tools=build/ci/cuda-tools

device_code() {
  local packages
  [[ -x $tools/bin/python ]] || "$PYTHON" -m venv "$tools"
  "$tools/bin/python" -m pip -qq install "nvidia-cuda-nvdisasm>=13,<14" "nvidia-cuda-nvrtc>=13,<14"
  packages=$("$tools/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia/cu13
  python tests/cuda/static_bars.py "$(one "$packages"/bin/nvdisasm)" "${architectures[@]}"
  python tests/cuda/nvrtc_check.py "$(one "$packages"/lib/libnvrtc.so.[0-9]*)" "${architectures[@]}"
}

module=$(python -c 'import flownet2, pathlib; print(pathlib.Path(flownet2.__file__).parent)')
FLOWNET2_CUDA_DEVICE=$(one "$module"/_cuda.*.so) || {
  echo "the package in $VENV was built where there was no nvcc: run \`make clean\` and this step again" >&2
  exit 1
}
FLOWNET2_CUDA_SELFTEST_PLAIN=$PWD/build/ci/cuda/tests/cuda/cuda_selftest
FLOWNET2_CUDA_SELFTEST_ASAN=$PWD/build/ci/cuda-asan/tests/cuda/cuda_selftest
FLOWNET2_CUDA_SELFTEST_TSAN=$PWD/build/ci/cuda-tsan/tests/cuda/cuda_selftest
export FLOWNET2_CUDA_DEVICE FLOWNET2_CUDA_SELFTEST_PLAIN FLOWNET2_CUDA_SELFTEST_ASAN FLOWNET2_CUDA_SELFTEST_TSAN

together build_plain build_asan build_tsan device_code
together test_mutants test_kernels test_asan test_tsan
