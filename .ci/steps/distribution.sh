#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sdist and wheel as they would be published, an installation from the sdist in an empty environment, and a C++ program
# against the wheel.
set -euo pipefail

bash .ci/nvcc.sh
root=$PWD tools=$PWD/$VENV/bin
make --no-print-directory wheel

fresh=build/ci/sdist-venv
rm -rf "$fresh"
"$PYTHON" -m venv "$fresh"
start=$SECONDS
"$fresh/bin/python" -m pip install -qq dist/flownet2-*.tar.gz
echo "installation from the sdist: $((SECONDS - start)) s (at most 120)"
((SECONDS - start <= 120))
bin=$PWD/$fresh/bin
cd /
"$bin/python" -c 'import flownet2; print("flownet2", flownet2.__version__, "from the sdist")'
# Without the extra `cli` a command that needs no pictures must work.
"$bin/flownet2" check

# What the extras for GPUs name can be had together. Without FULL not: some package indexes tell what a package needs only
# with the whole of it, gigabytes here.
if [[ $FULL ]]; then
  for extra in cuda12 cuda13 cudnn13; do
    "$bin/python" -m pip install -qq --dry-run "$(echo "$root"/dist/flownet2-*.whl)[$extra]"
    echo "the extra $extra can be installed"
  done
fi

# The wheel is all that a C++ program needs: a project of its own, built and run against headers and library in it.
cd "$root"
program=$root/build/ci/wheel-program
rm -rf "$program"
"$PYTHON" -m venv "$program/venv"
"$program/venv/bin/python" -m pip install -qq dist/flownet2-*.whl
cp -r tests/embed/find_package "$program/source"
cd "$program"
folder=$(venv/bin/flownet2 --cmake-dir)
PATH=$tools:$PATH cmake -S source -B build -DCMAKE_BUILD_TYPE=Release -Dflownet2_DIR="$folder"
PATH=$tools:$PATH cmake --build build
cp "$folder/../../../data/flownet2-lite.safetensors" .
output=$(build/app)
echo "$output"
[[ $output == *"moved by 4.0,"* ]]
