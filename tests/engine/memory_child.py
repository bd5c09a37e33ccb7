# SPDX-License-Identifier: Apache-2.0
"""What a model costs a process of its own; run by test_memory.py. Writes one JSON object, sizes in bytes.

memory_child.py measure FILE PRECISION: load, run on 64x64, delete.
memory_child.py limit FILE PRECISION: load with too little address space, then with enough.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

import flownet2
from flownet2 import _core

PICTURE = np.zeros((64, 64, 3), np.uint8)


def memory(key: str) -> int:
    """A line of /proc/self/status: VmRSS now, VmHWM at most so far, VmSize of the address space."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024


def measure(file: str, precision: str) -> dict[str, Any]:
    flownet2.load()(PICTURE, PICTURE)  # what the first use of anything keeps: threads and their working memory
    gc.collect()
    found: dict[str, Any] = {"start": memory("VmRSS"), "held": _core.aligned_bytes()}
    model = flownet2.load(file, precision=precision)
    found |= {"peak": memory("VmHWM"), "packed": _core.aligned_bytes() - found["held"], "loaded": memory("VmRSS")}
    model(PICTURE, PICTURE)
    del model
    gc.collect()
    return found | {"end": memory("VmRSS")}


def limit(file: str, precision: str) -> dict[str, Any]:
    expected = flownet2.load(file, precision=precision)(PICTURE, PICTURE)
    gc.collect()
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    messages = []
    for extra in range(0, 400 << 20, 16 << 20):
        resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + extra, unlimited[1]))
        try:
            model = flownet2.load(file, precision=precision)
        except MemoryError as error:
            messages.append(str(error))
            continue
        finally:
            resource.setrlimit(resource.RLIMIT_AS, unlimited)
        return {"messages": messages, "same": bool(np.array_equal(model(PICTURE, PICTURE), expected))}
    return {"messages": messages}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"measure": measure, "limit": limit}[sys.argv[1]](*sys.argv[2:])))
