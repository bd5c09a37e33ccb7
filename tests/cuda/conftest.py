# SPDX-License-Identifier: Apache-2.0
"""Tests of the GPU's kernels on the CPU. They need the emulated module, which .ci/steps/cuda.sh builds.

Without FLOWNET2_CUDA_HOST, the path of that module, nothing here is collected: `make test` builds no kernels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from cuda_host import load

if "FLOWNET2_CUDA_HOST" not in os.environ:
    collect_ignore_glob = ["test_*.py"]

SCHEDULES = (0, 1, 2)  # 0 is every thread in order


@pytest.fixture(scope="session")
def host() -> ModuleType:
    """The emulated module."""
    return load(os.environ["FLOWNET2_CUDA_HOST"])


@pytest.fixture(params=SCHEDULES)
def schedule(request: pytest.FixtureRequest, host: ModuleType) -> Iterator[int]:
    """The order in which the emulator runs the threads."""
    host.seed(request.param)
    yield request.param
    host.seed(1)
