#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The library in other people's programs: static and shared, installed, moved elsewhere, found by CMake and by
# pkg-config, and as a part of another project. What the programs compute has the bytes of Python's. The library for GPUs
# as far as it goes without one: programs are linked to it, and it says what is missing. FULL=1: for all architectures.
set -euo pipefail

bash .ci/nvcc.sh
make --no-print-directory tools
PATH=$PWD/$VENV/bin:$PATH
root=$PWD/build/ci/embed
python=$PWD/$VENV/bin/python
model=$("$python" -c 'from flownet2.builtin import MODELS; print(MODELS["flownet2-lite"])')
pictures=$root/pictures
largest_shared=3000000
cuda=(-DFLOWNET2_CUDA=ON)
[[ -n $FULL ]] || cuda+=(-DFLOWNET2_CUDA_ARCHITECTURES=90)

quietly() { # name of a log, command: what it says only where it fails
  local log=$root/$1.log
  shift
  "$@" >"$log" 2>&1 || {
    cat "$log"
    return 1
  }
}

build() { # source, folder, CMake options
  local source=$1 folder=$2
  shift 2
  quietly "$folder-configure" cmake -S "$source" -B "$root/$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@"
  quietly "$folder-build" cmake --build "$root/$folder"
}

expect() { # text, command: it succeeds, and its output holds the text
  local text=$1 status=0 output
  shift
  output=$("$@") || status=$?
  printf '%s\n' "$output"
  if ((status != 0)) || [[ $output != *"$text"* ]]; then
    echo "expected the exit code 0, not $status, and the text: $text" >&2
    return 1
  fi
}

expect_error() { # text, command: exit code 1, and one line on stderr that holds the text
  local text=$1 status=0 errors
  shift
  errors=$("$@" 2>&1 >/dev/null) || status=$?
  printf '%s\n' "$errors"
  if ((status != 1)) || [[ $errors == *$'\n'* || $errors != *"$text"* ]]; then
    echo "expected the exit code 1, not $status, and one line with: $text" >&2
    return 1
  fi
}

install_elsewhere() { # kind, on or off
  # In one folder: the objects are those of both.
  build csrc library "-DBUILD_SHARED_LIBS=$2" "${cuda[@]}"
  rm -rf "$root/first" "$root/installed $1"
  quietly "install-$1" cmake --install "$root/library" --prefix "$root/first"
  # The space in its name is meant.
  mv "$root/first" "$root/installed $1"
}

# Two runs of one program must not pass because of the files of an earlier one.
run_flow() { # programs, results
  local flow=$1/flow
  (
    cd "$2"
    "$flow" "$model" "$pictures/frame1.ppm" "$pictures/frame2.ppm"
    "$flow" "$model" "$pictures/wide1.ppm" "$pictures/wide2.ppm" -o wide --threads 1
    "$flow" "$model" "$pictures/grey1.pgm" "$pictures/grey2.pgm" -o grey
    "$flow" "$model" "$pictures/frame1.ppm" "$pictures/frame2.ppm" -o bfloat16 --bfloat16
    "$flow" "$model" "$pictures/frame1.ppm" "$pictures/frame2.ppm" -o scalar --isa scalar
    if [[ $opencv ]]; then
      "$flow" "$model" "$pictures/frame1.png" "$pictures/frame2.png" -o png
    else
      expect_error "without OpenCV" "$flow" "$model" "$pictures/frame1.png" "$pictures/frame2.png"
    fi
    expect_error "no such file" "$flow" "$model" nowhere.ppm "$pictures/frame2.ppm"
    expect_error "nowhere.safetensors" "$flow" nowhere.safetensors "$pictures/frame1.ppm" "$pictures/frame2.ppm"
    expect_error "sse9" "$flow" "$model" "$pictures/frame1.ppm" "$pictures/frame2.ppm" --isa sse9
    expect_error "one size" "$flow" "$model" "$pictures/frame1.ppm" "$pictures/small.ppm"
    expect_error "are expected" "$flow" "$model" "$pictures/frame1.ppm" "$pictures/cut.ppm"
    expect "usage:" "$flow" --help >/dev/null
  )
}

run_live() { # program
  expect "mean flow 3." "$1" "$model" --frames 5
  expect "frame 2:" "$1" "$model" "$pictures/frame1.ppm" "$pictures/frame2.ppm" "$pictures/frame1.ppm"
  expect "stopped in the midst of frame" timeout 60 "$1" "$model" --size 1024x768 --frames 1000000 --seconds 1 | tail -n 1
  expect "usage:" "$1" --help >/dev/null
}

programs() { # kind, pkg-config's option
  local kind=$1 prefix="$root/installed $1" results="$root/results-$1" pc
  printf '\n-- %s\n' "$kind"
  rm -rf "$results" "$root"/{find,examples,embedded,snippets,versions}-"$kind"
  mkdir -p "$results"
  cp "$model" "$results"
  build tests/embed/versions "versions-$kind" -DCMAKE_PREFIX_PATH="$prefix"
  build tests/embed/find_package "find-$kind" -DCMAKE_PREFIX_PATH="$prefix"
  (cd "$results" && expect "moved by 4.0," "$root/find-$kind/app")
  build tests/embed/embedded_model "embedded-$kind" -DCMAKE_PREFIX_PATH="$prefix" -DMODEL_FILE="$model"
  (cd / && expect "license: Apache-2.0" "$root/embedded-$kind/embedded")
  build tests/embed/snippets "snippets-$kind" -DCMAKE_PREFIX_PATH="$prefix"
  "$root/snippets-$kind/snippets" "$model" 2>/dev/null

  build examples/cpp "examples-$kind" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_{C,CXX}_FLAGS=-Werror
  opencv=$(sed -n 's/^OpenCV_DIR:PATH=\(\/.*\)/\1/p' "$root/examples-$kind/CMakeCache.txt")
  [[ -z $FULL || $opencv ]] || {
    echo "OpenCV was not found, .ci/packages.txt lists it" >&2
    return 1
  }
  run_flow "$root/examples-$kind" "$results"
  run_live "$root/examples-$kind/live"

  # The C program twice: linked by CMake, and by hand with what pkg-config says.
  (cd "$results" && "$root/examples-$kind/plain" "$model" "$pictures"/frame{1,2}.ppm plain-cmake.flo)
  expect_error "nowhere" "$root/examples-$kind/plain" nowhere "$pictures"/frame{1,2}.ppm "$results/never.flo"
  expect "usage:" "$root/examples-$kind/plain" --help >/dev/null
  pc=$(find "$prefix" -name flownet2.pc -printf '%h')
  quietly "pkg-config-$kind" env PKG_CONFIG_PATH="$pc" make -B -C tests/embed/pkg_config OUT="$results" STATIC="$2"
  export LD_LIBRARY_PATH=${pc%/pkgconfig}
  (cd "$results" && expect "moved by 4.0," ./app && ./plain "$model" "$pictures"/frame{1,2}.ppm plain.flo)
  unset LD_LIBRARY_PATH
  cmp "$results/plain.flo" "$results/plain-cmake.flo"
  "$python" tests/embed/check.py results "$results"
}

# What a program for GPUs says without one; on a machine that has one it is hidden.
on_a_gpu() { # kind
  local kind=$1 prefix="$root/installed $1"
  printf '\n-- on a GPU, %s\n' "$kind"
  rm -rf "$root/cuda-$kind"
  build tests/embed/cuda "cuda-$kind" -DCMAKE_PREFIX_PATH="$prefix"
  export CUDA_VISIBLE_DEVICES=
  expect "as expected" "$root/cuda-$kind/launchers"
  expect_error "memory on the GPU: " "$root/cuda-$kind/norm"
  unset CUDA_VISIBLE_DEVICES
}

# Python's package, which has no library for GPUs.
without_cuda() {
  local said
  said=$(cmake -S tests/embed/cuda -B "$root/cuda-none" -Dflownet2_DIR="$("$VENV/bin/flownet2" --cmake-dir)" 2>&1) && {
    echo "the component cuda must not be found in Python's package" >&2
    return 1
  }
  [[ $said == *"-DFLOWNET2_CUDA=ON"* ]] || {
    printf '%s\n' "$said"
    return 1
  }
}

# A copy of csrc and nothing else of this repository; Debug, because that compiles fastest.
inside_another_project() {
  printf '\n-- add_subdirectory\n'
  rm -rf "$root/copy" "$root/parent"
  mkdir "$root/copy"
  cp -r csrc "$root/copy/csrc"
  build tests/embed/add_subdirectory parent -DCMAKE_BUILD_TYPE=Debug -DFLOWNET2_CSRC="$root/copy/csrc"
  expect "flownet2-lite, " "$root/parent/app" "$model"
}

sizes() {
  local library stripped=$root/stripped.so
  printf '\n-- sizes and exported names\n'
  library=$(find "$root/installed shared" -name 'libflownet2.so.*' -type f)
  strip -o "$stripped" "$library"
  stat -c '%s %n' "$library" "$stripped" "$root/installed static"/lib*/libflownet2.a \
    "$root/installed static"/lib*/libflownet2_cuda.a "$root/installed shared"/lib*/libflownet2_cuda.so.*.*.*
  nm -DC --defined-only "$library" | cut -d ' ' -f 2-
  (($(stat -c %s "$stripped") < largest_shared)) || {
    echo "the stripped library has more than $largest_shared bytes" >&2
    return 1
  }
}

mkdir -p "$pictures"
"$python" tests/embed/check.py pictures "$pictures"
install_elsewhere static OFF
install_elsewhere shared ON
programs static --static
programs shared ""
inside_another_project
on_a_gpu static
on_a_gpu shared
without_cuda
FLOWNET2_CUDA_LIBRARY="$root/installed shared" "$python" -m pytest -q -p no:cacheprovider tests/embed/cuda
sizes
