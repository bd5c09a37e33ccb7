#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that needs an NVIDIA GPU, on a machine that has one: `.ci/run gpu`. No part of the other runs.
# The tests of the kernels, which elsewhere run on the emulator; what only a GPU can tell; a C++ program on the launchers;
# and the check that users run, whose report is left in build/ci/gpu.json.
set -euo pipefail

bash .ci/nvcc.sh
make --no-print-directory tools
python=$VENV/bin/python
"$python" -m pip install -qq ".[cli,cuda13,cudnn13]" --group test
FLOWNET2_CUDA_HOST=gpu "$python" -m pytest -q -m "not slow" -p no:cacheprovider tests/cuda \
  --ignore tests/cuda/test_mutants.py --ignore tests/cuda/test_headers.py --ignore tests/cuda/test_static_bars.py

PATH=$PWD/$VENV/bin:$PATH
folder=$PWD/build/ci/gpu
cmake -S csrc -B "$folder/library" -G Ninja -DCMAKE_BUILD_TYPE=Release -DFLOWNET2_CUDA=ON \
  -DFLOWNET2_CUDA_ARCHITECTURES=native >/dev/null
cmake --build "$folder/library" >/dev/null
cmake --install "$folder/library" --prefix "$folder/installed" >/dev/null
cmake -S tests/embed/cuda -B "$folder/program" -G Ninja -DCMAKE_PREFIX_PATH="$folder/installed" >/dev/null
cmake --build "$folder/program" >/dev/null
"$folder/program/norm" | grep -F "vector: 5.0"

"$VENV/bin/flownet2" check --device cuda -o build/ci/gpu.json
