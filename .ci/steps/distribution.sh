#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sdist and wheel as they would be published, an installation from the sdist in an empty environment, and a C++ program
# against the wheel.
set -euo pipefail

root=$PWD tools=$PWD/$VENV/bin
make --no-print-directory wheel

venv=build/ci/sdist-venv
rm -rf "$venv"
"$PYTHON" -m venv "$venv"
start=$SECONDS
"$venv/bin/python" -m pip install -qq dist/flownet2-*.tar.gz
echo "installation from the sdist: $((SECONDS - start)) s (at most 120)"
((SECONDS - start <= 120))
bin=$PWD/$venv/bin
cd /
"$bin/python" -c 'import flownet2; print("flownet2", flownet2.__version__, "from the sdist")'
# Without the extra `cli` a command that needs no pictures must work.
"$bin/flownet2" check

# The wheel is all that a C++ program needs: a project of its own, built and run against headers and library in it.
cd "$root"
consumer=$root/build/ci/consumer
rm -rf "$consumer"
"$PYTHON" -m venv "$consumer/venv"
"$consumer/venv/bin/python" -m pip install -qq dist/flownet2-*.whl
cp -r .ci/consumer "$consumer/source"
cd /
folder=$("$consumer/venv/bin/flownet2" --cmake-dir)
PATH=$tools:$PATH cmake -S "$consumer/source" -B "$consumer/build" -DCMAKE_BUILD_TYPE=Release -Dflownet2_DIR="$folder"
PATH=$tools:$PATH cmake --build "$consumer/build"
"$consumer/build/consumer" "$folder/../../../data/flownet2-lite.safetensors"
