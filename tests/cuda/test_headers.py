# SPDX-License-Identifier: Apache-2.0
"""What host code includes to call the kernels: no header of CUDA, so that callers need no toolkit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "csrc"
OF_THE_RUNTIME = {"failure.hpp"}  # cudaError_t is what it is about
HEADERS = [f"cuda/{path.name}" for path in sorted((CSRC / "cuda").glob("*.hpp")) if path.name not in OF_THE_RUNTIME]
PUBLIC = [f"flownet2/cuda/{path.name}" for path in sorted((CSRC / "include" / "flownet2" / "cuda").glob("*.hpp"))]


@pytest.mark.parametrize("header", [*HEADERS, *PUBLIC, "flownet2/cuda.hpp"])
def test_compiles_alone(header: str) -> None:
    command = [os.environ.get("CXX", "g++"), "-std=c++17", "-fsyntax-only", "-x", "c++", "-"]
    includes = [f"-I{CSRC}", f"-I{CSRC / 'include'}"]
    done = subprocess.run(
        [*command, *includes], input=f'#include "{header}"\n', capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_public_one_is_there() -> None:
    assert "flownet2/cuda/correlation.hpp" in PUBLIC
