#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Operators and FlowNetS on every instruction set of this processor but the best, on which the step `tests` ran
# everything. Where FULL is set: operators, the engine and all networks.
set -euo pipefail

make --no-print-directory "$VENV/.flownet2-stamps-$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')/test"
for isa in $("$VENV/bin/python" -c 'from flownet2 import runtime; print(*runtime.list_isas()[:-1])'); do
  printf '\n-- FLOWNET2_ISA=%s\n' "$isa"
  export FLOWNET2_ISA=$isa
  if [[ -n $FULL ]]; then
    "$VENV/bin/python" -m pytest -q -m "not slow" tests/ops tests/engine tests/networks tests/test_api.py
  else
    "$VENV/bin/python" -m pytest -q -m "not slow" tests/ops
    "$VENV/bin/python" -m pytest -q -m "not slow" tests/networks tests/engine -k flownets
  fi
done
