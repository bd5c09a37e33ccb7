# SPDX-License-Identifier: Apache-2.0
"""Threads and build facts; what threads, forks and exits do to the compiled kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import flownet2
from flownet2 import _core, runtime
from flownet2.errors import InputError
from flownet2.ops import kernels

SETUP = """
import os, sys, threading
import numpy as np
from flownet2 import runtime
from flownet2.ops import kernels
x = np.random.default_rng(0).standard_normal((1, 16, 64, 96)).astype(np.float32)
compute = lambda: kernels.correlation(x, x, max_displacement=4, stride=1)
"""


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The code in a fresh interpreter; a hang fails after 60 s."""
    # Python >= 3.12 warns of every fork in a process with threads, which is what is tried here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SETUP + code]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_set_and_get() -> None:
    for count in (1, 3, np.int64(2), 1024):
        runtime.set_num_threads(count)
        assert runtime.get_num_threads() == count


@pytest.mark.parametrize("count", [0, -1, 1025, 2**40, 2.0, "2", None, True])
def test_bad_counts(count: object) -> None:
    before = runtime.get_num_threads()
    with pytest.raises(InputError, match="count must be an integer from 1 to 1024, got"):
        runtime.set_num_threads(count)  # type: ignore[arg-type]
    assert runtime.get_num_threads() == before
    with pytest.raises(ValueError, match="the number of threads must be from 1 to 1024, got 0"):
        _core.set_num_threads(0)


def test_environment_variable() -> None:
    done = run_python("print(runtime.get_num_threads())", FLOWNET2_NUM_THREADS="5")
    assert (done.stdout, done.stderr) == ("5\n", "")


@pytest.mark.parametrize("value", ["0", "1025", "-3", "two", "99999999999999999999", "2.5"])
def test_bad_environment_variable(value: str) -> None:
    code = "try: compute()\nexcept ValueError as e: print(type(e).__name__, e)\n"
    code += "runtime.set_num_threads(2); compute(); print(runtime.get_num_threads())"
    done = run_python(code, FLOWNET2_NUM_THREADS=value)
    message = f"InputError FLOWNET2_NUM_THREADS must be a number from 1 to 1024, got '{value}'\n"
    assert (done.stdout, done.stderr) == (message + "2\n", "")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity masks are a matter of Linux")
def test_default_follows_the_affinity_mask() -> None:
    code = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(runtime.get_num_threads())"
    done = run_python(code, FLOWNET2_NUM_THREADS="")
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_build_info() -> None:
    info = runtime.build_info()
    assert info["version"] == flownet2.__version__
    assert info["compiler"].split()[0] in {"gcc", "clang", "msvc"}
    assert info["build_type"]
    assert info["assertions"] is (info["build_type"] == "Debug")


def test_many_threads_share_the_kernels() -> None:
    runtime.set_num_threads(3)
    x = np.random.default_rng(0).standard_normal((8, 1, 16, 40, 56)).astype(np.float32)

    def compute(i: int) -> np.ndarray:
        return kernels.correlation(x[i % 8], x[(i + 1) % 8], max_displacement=4, stride=1)

    expected = [compute(i) for i in range(8)]
    with ThreadPoolExecutor(8) as callers:
        for i, got in enumerate(callers.map(compute, range(64))):
            np.testing.assert_array_equal(got, expected[i % 8])


def test_python_goes_on_during_a_kernel() -> None:
    runtime.set_num_threads(1)
    x = np.ones((2, 256, 56, 128), np.float32)
    started, finished = threading.Event(), threading.Event()

    def compute() -> None:
        started.set()
        kernels.correlation(x, x)
        finished.set()

    caller = threading.Thread(target=compute)
    caller.start()
    started.wait()
    steps = 0
    while not finished.is_set():
        time.sleep(0.001)
        steps += 1
    caller.join()
    assert steps > 20  # of some 200; a kernel that held the GIL would leave none


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("threads", ["1", "3"])
def test_fork_after_use(threads: str) -> None:
    code = """
import signal
expected = compute()
stop = threading.Event()
def keep_busy():
    while not stop.is_set():
        compute()
busy = threading.Thread(target=keep_busy)
busy.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(0 if np.array_equal(compute(), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
busy.join()
assert np.array_equal(compute(), expected)
print("done")
"""
    done = run_python(code, FLOWNET2_NUM_THREADS=threads)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_multiprocessing_fork() -> None:
    code = """
import multiprocessing
def norm(i):
    return float(kernels.channel_norm(x).sum())
expected = norm(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(norm, range(6)) == [expected] * 6
print("done")
"""
    done = run_python(code, FLOWNET2_NUM_THREADS="3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_exit_while_a_kernel_runs() -> None:
    code = """
started = threading.Event()
def forever():
    while True:
        compute()
        started.set()
for _ in range(2):
    threading.Thread(target=forever, daemon=True).start()
started.wait()
sys.exit(7)
"""
    for _ in range(6):
        done = run_python(code, FLOWNET2_NUM_THREADS="3")
        assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
