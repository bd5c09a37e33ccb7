# SPDX-License-Identifier: Apache-2.0
"""Tests of the GPU's kernels on the CPU. They test what .ci/steps/cuda.sh builds; variables name it.

FLOWNET2_CUDA_HOST=gpu runs them on a real one instead, by the installed flownet2._cuda and CuPy, but for those of the
emulator itself: benchmarks/gpu.sh.

Without FLOWNET2_CUDA_HOST, the path of the emulated module, nothing here is collected: `make test` builds no kernels.
The programs of the emulator's own tests and flownet2._cuda are named by further variables.

FLOWNET2_CUDA_SANITIZED: the module is sanitized, so only tests that use it run.
FLOWNET2_CUDA_CASES: at most so many cases of each test run, and none that is marked as large.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from cuda_gpu import GpuModule, load_gpu
from cuda_host import load

NEEDS = {
    "test_*.py": ["FLOWNET2_CUDA_HOST"],
    "test_emulator.py": [f"FLOWNET2_CUDA_SELFTEST_{build}" for build in ("PLAIN", "ASAN", "TSAN")],
    "test_device_module.py": ["FLOWNET2_CUDA_DEVICE"],
}
collect_ignore_glob = [name for name, needs in NEEDS.items() if not all(need in os.environ for need in needs)]
if os.environ.get("FLOWNET2_CUDA_HOST") != "gpu":
    collect_ignore_glob.append("test_real_gpu.py")


def chosen(items: list[pytest.Item], most: int) -> Iterator[pytest.Item]:
    """At most so many of the cases of each test, evenly spread."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in tests.values():
        count = min(most, len(cases))
        yield from (cases[len(cases) * i // count] for i in range(count))


OF_THE_EMULATOR = ("test_the_launch_waits_for_other_streams", "test_errors_of_the_emulator_are_exceptions")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = items[:]
    if os.environ.get("FLOWNET2_CUDA_HOST") == "gpu":
        kept = [item for item in kept if not item.name.startswith(OF_THE_EMULATOR)]
    if "FLOWNET2_CUDA_SANITIZED" in os.environ:
        kept = [item for item in kept if "host" in getattr(item, "fixturenames", ())]
    if most := os.environ.get("FLOWNET2_CUDA_CASES"):
        kept = list(chosen([item for item in kept if not item.get_closest_marker("large")], int(most)))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


SCHEDULES = (0, 1, 2)  # 0 is every thread in order


@pytest.fixture(scope="session")
def host() -> ModuleType | GpuModule:
    """The emulated module, or the GPU in its place."""
    path = os.environ["FLOWNET2_CUDA_HOST"]
    return load_gpu() if path == "gpu" else load(path)


@pytest.fixture(params=SCHEDULES)
def schedule(request: pytest.FixtureRequest, host: ModuleType) -> Iterator[int]:
    """The order in which the emulator runs the threads."""
    host.seed(request.param)
    yield request.param
    host.seed(1)
