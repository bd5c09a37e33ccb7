# SPDX-License-Identifier: Apache-2.0
"""flownet2._cuda, built by nvcc, where there is no GPU: it can be imported, and says what is missing when called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

STUB = Path(__file__).parents[2] / "src" / "flownet2" / "_cuda.pyi"
MODULE = Path(os.environ.get("FLOWNET2_CUDA_DEVICE", ""))
CALL = """
import numpy as np
from cuda_host import OnDevice, load
cuda = load({module!r})
assert not cuda.emulated
assert cuda.correlation_launch("simt", 1, 56, 128, 256)["grid"] == (4, 14, 7)
a = np.ones((1, 3, 4, 16), np.float32)
try:
    cuda.correlate(OnDevice(a), OnDevice(a), OnDevice(np.zeros((1, 3, 4, 441), np.float32)),
                   max_displacement=20, stride=2, launch_stream=1, kernel={kernel!r})
except RuntimeError as error:
    print(error)
"""


def test_a_call_without_a_gpu_says_so() -> None:
    # No device is visible, so that the test is the same on a machine that has one.
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(Path(__file__).parents[1])}
    for kernel in ("plain", "simt"):
        code = CALL.format(module=str(MODULE), kernel=kernel)
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("correlation: ")
        assert "needs an NVIDIA GPU and its driver" in done.stdout


def test_it_exports_its_entry_alone() -> None:
    listing = subprocess.run(["nm", "-D", "--defined-only", MODULE], capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1].split("@")[0] for line in listing.splitlines()] == ["PyInit__cuda"]


def test_it_needs_no_library_of_cuda() -> None:
    needed = subprocess.run(["readelf", "-d", MODULE], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" in needed
    assert "cuda" not in needed.replace(MODULE.name, "").lower()


def test_the_stub_says_what_the_module_is(tmp_path: Path) -> None:
    """Both by themselves: the installed package need not have the module."""
    shutil.copy(MODULE, tmp_path)
    shutil.copy(STUB, tmp_path)
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "_cuda"]
    environment = os.environ | {"MYPYPATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_small() -> None:
    assert MODULE.stat().st_size < 2_000_000
