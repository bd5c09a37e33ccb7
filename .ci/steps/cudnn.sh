#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every convolution of FlowNet2 planned by cuDNN for GPUs that are described to it, and the tests of what CuPy and cuDNN
# call their functions with the real packages; no GPU and no driver is needed.
# The packages, 1.1 GB, are those of the extra `cudnn13` (and CuPy without its toolkit, 70 MB), with the oldest and the newest frontend that we allow.
set -euo pipefail

make --no-print-directory tools
own=build/ci/cudnn
oldest=build/ci/cudnn-oldest
mapfile -t packages < <("$VENV/bin/python" -c '
import importlib.metadata as metadata
wanted = [line.split(";")[0].strip() for line in metadata.requires("flownet2") if "cudnn13" in line and "cudnn-" in line]
print(*wanted, sep="\n")')
((${#packages[@]} == 2)) || {
  echo "expected the two packages of the extra cudnn13, found: ${packages[*]}" >&2
  exit 1
}

[[ -x $own/bin/python ]] || "$PYTHON" -m venv "$own"
"$own/bin/python" -m pip -qq install "${packages[@]}" "cupy-cuda13x>=14"
[[ -d $oldest ]] || "$own/bin/python" -m pip -qq install --no-deps --target "$oldest" "nvidia-cudnn-frontend==1.18.*"

# Our package and NumPy are the other environment's: cuDNN is looked for in that of the interpreter.
ours=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
PYTHONPATH=$ours "$own/bin/python" tests/cudnn_engine/plan_check.py
PYTHONPATH=$oldest:$ours "$own/bin/python" tests/cudnn_engine/plan_check.py

# The tests that are skipped where CuPy is missing, which it is not here.
"$own/bin/python" -c 'import cupy; cupy.cuda.cublas'
PYTHONPATH=$ours "$own/bin/python" -m pytest -q -p no:cacheprovider tests/test_cupy_device.py \
  tests/test_foreign_arrays.py
