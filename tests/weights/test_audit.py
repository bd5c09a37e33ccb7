# SPDX-License-Identifier: Apache-2.0
"""What the interpreter sees happen during a load: one file is opened, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from weights.samples import FOLDER, SAMPLES


def test_a_load_opens_one_file_and_does_nothing_else() -> None:
    child = Path(__file__).with_name("audit_child.py")
    done = subprocess.run(
        [sys.executable, str(child), str(FOLDER)], capture_output=True, text=True, check=True, cwd=FOLDER
    )
    found = json.loads(done.stdout)
    assert len(found) == len(SAMPLES)
    for name, events in found.items():
        # id() is an event of its own; a file object on the open descriptor is a second "open", of a number.
        telling = [event for event in events if event[0] != "builtins.id" and not event[1].isdigit()]
        assert telling == [["open", str(FOLDER / name)]], name
