#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `import flownet2` takes less than 0.2 s: the median of five, NumPy's own import included.
set -euo pipefail

env -u PYTHONDONTWRITEBYTECODE "$VENV/bin/python" - <<'PROGRAM'
import statistics
import subprocess
import sys

code = "import time; t = time.perf_counter(); import flownet2; print(time.perf_counter() - t)"
runs = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
print(f"import flownet2: median {statistics.median(runs):.3f} s of {', '.join(f'{run:.3f}' for run in runs)}")
sys.exit(statistics.median(runs) >= 0.2)
PROGRAM
