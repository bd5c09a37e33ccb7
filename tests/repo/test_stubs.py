# SPDX-License-Identifier: Apache-2.0
"""The stub of the compiled module says what the module is."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_stub_equals_the_compiled_module() -> None:
    pytest.importorskip("mypy")
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "--concise", "flownet2._core"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
