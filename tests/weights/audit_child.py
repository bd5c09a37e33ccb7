# SPDX-License-Identifier: Apache-2.0
"""Loads every sample and prints the audit events of each load; run by test_audit.py in a process of its own.

An audit hook cannot be removed again, which is why this is not done in the process of the tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from flownet2.errors import CheckpointError
from flownet2.weights.checkpoint import read_checkpoint


def main(folder: Path) -> None:
    names = [entry["file"] for entry in json.loads((folder / "manifest.json").read_text())["files"]]
    events: list[list[str]] = []
    recording = False

    def hook(event: str, args: tuple[object, ...]) -> None:
        if recording:
            events.append([event, str(args[0]) if args else ""])

    sys.addaudithook(hook)
    found = {}
    for name in names:
        path = folder / name
        recording = True
        try:
            read_checkpoint(path)
        except CheckpointError:
            pass
        finally:
            recording = False
        found[name] = events.copy()
        events.clear()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
