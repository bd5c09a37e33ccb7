#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sees to it that there is a working nvcc on PATH for steps that follow, which .ci/run has put build/ci/nvcc/bin on, last:
# where the machine has none, one is installed there from the package index. Says why, and fails, where that is impossible.
set -euo pipefail

folder=build/ci/nvcc
oldest=12.8 # csrc/cmake/Cuda.cmake

works() { # nvcc of that version or newer compiles, and links the static runtime
  local version
  version=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
  [[ $version && $(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1) == "$oldest" ]] || return 1
  printf '#include <cuda_fp16.h>\n__global__ void k(__half*) {}\nint main() { k<<<1, 1>>>(nullptr); }\n' >"$folder-try.cu"
  nvcc -arch=sm_80 "$folder-try.cu" -o "$folder-try" >"$folder-try.log" 2>&1
}

mkdir -p build/ci
PATH=$PATH:$PWD/$folder/bin
if works; then
  echo "nvcc: $(command -v nvcc), $(nvcc --version | sed -n 's/^Cuda compilation tools, //p')"
  exit 0
fi
if nvcc=$(command -v nvcc); then
  echo "$nvcc is older than CUDA $oldest or does not compile and link a program: mend or remove it" >&2
  cat "$folder-try.log" >&2 || true
  exit 1
fi

# The compiler with its parts (crt, nvvm, runtime), and the headers that those of half precision include.
echo "no nvcc on PATH: installing one into $folder"
rm -rf "$folder" "$folder-packages"
"${PYTHON:-python3}" -m venv "$folder-packages"
"$folder-packages/bin/python" -m pip install -qq "nvidia-cuda-nvcc>=13,<14" "nvidia-cuda-cccl>=13,<14" || {
  echo "there is no nvcc, and the package index gave none: install the CUDA toolkit, $oldest or newer" >&2
  exit 1
}
toolkit=$(echo "$PWD/$folder-packages"/lib/python3.*/site-packages/nvidia/cu13)
# CMake wants the name that the linker would use, which the packages lack.
ln -sf libcudart.so.13 "$toolkit/lib/libcudart.so"
ln -s "$toolkit" "$folder"
works || {
  cat "$folder-try.log" >&2
  echo "the packages' nvcc does not compile and link a program: install the CUDA toolkit, $oldest or newer" >&2
  exit 1
}
nvcc --version | tail -n 2
