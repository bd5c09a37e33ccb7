# SPDX-License-Identifier: Apache-2.0
"""Facts of the machine and of this process, as far as the system tells them."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


def cpu_name() -> str:
    """The CPU as the system calls it; on x86 with family and model, since virtual machines shorten the name."""
    fields = _fields("/proc/cpuinfo")
    name = fields.get("model name") or fields.get("hardware") or platform.processor() or platform.machine() or "unknown"
    if "cpu family" in fields and "model" in fields:
        return f"{name} (family {fields['cpu family']}, model {fields['model']})"
    return name


def usable_cpus() -> int:
    """CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_bytes() -> int | None:
    """Largest resident memory of this process so far; None on systems that do not tell."""
    # Linux: getrusage would count what the parent held when it started this process, too.
    high_water = _fields("/proc/self/status").get("vmhwm", "")
    if high_water.endswith(" kB"):
        return int(high_water.removesuffix(" kB")) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _fields(path: str) -> dict[str, str]:
    """The lines `name: value` of a file of the system, names in lower case, the first of a name; {} if unreadable."""
    try:
        lines = Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return dict(reversed(pairs))
