# SPDX-License-Identifier: Apache-2.0
"""The operators once more under NVIDIA's compute-sanitizer, where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import partial

from flownet2.cuda_check.report import Job, Sanitized, Settings

PROGRAM = "compute-sanitizer"
TOOLS = ("memcheck", "racecheck")

_SUMMARY = re.compile(r"^=+ (?:ERROR|RACECHECK) SUMMARY: (\d+) ", re.MULTILINE)
_TIMEOUT_S = 1800
_LINES = 8


def absent() -> str:
    """Why it cannot run; "" if it can."""
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not on PATH (it comes with the CUDA toolkit)"


def jobs(settings: Settings) -> list[Job[Sanitized]]:
    """Both tools."""
    return [Job(partial(_run, tool, settings.index), partial(Sanitized, tool, None)) for tool in TOOLS]


def command(tool: str, index: int) -> list[str]:
    """This check again, its operators alone."""
    check = [sys.executable, "-m", "flownet2", "check", "--device", f"cuda:{index}", "--quick", "--parts", "operators"]
    # NVIDIA's packages ask the driver for functions that it lacks, and go on: no error of a kernel.
    return [PROGRAM, "--tool", tool, "--report-api-errors", "no", *check]


def _run(tool: str, index: int) -> Sanitized:
    done = subprocess.run(
        command(tool, index), capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
    )
    output = f"{done.stdout}\n{done.stderr}".strip()
    found = _SUMMARY.search(output)
    last = "\n".join(output.splitlines()[-_LINES:])
    if found is None:
        return Sanitized(tool, None, f"it has ended with {done.returncode} and no summary:\n{last}")
    errors = int(found[1])
    return Sanitized(tool, errors, last if errors else "")
