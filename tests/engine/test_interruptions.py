# SPDX-License-Identifier: Apache-2.0
"""What stops a run: Ctrl-C, and memory that is not to be had. The network works afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

import numpy as np
import pytest

from engine.random_graphs import weights
from flownet2.executors import get_executor
from flownet2.executors.native import NativeNetwork
from flownet2.graph import Builder

SOON = 0.2  # seconds


def heavy() -> NativeNetwork:
    """Some 60 GFLOP on pictures of 512x512: seconds, of which one convolution takes nearly all."""
    b = Builder("heavy", 1)
    x = b.conv2d("first", b.input("x", 3), 128, 3)
    for index in range(4):
        x = b.conv2d(f"conv{index}", x, 128, 5)
    graph = b.build({"flow": x})
    return get_executor("native").compile(graph, weights(graph, np.random.default_rng(0)))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers that send signals")
def test_a_signal_ends_a_run_soon() -> None:
    network, picture = heavy(), np.ones((1, 3, 512, 512), np.float32)
    small = np.ones((1, 3, 16, 16), np.float32)
    expected = network.run({"x": small}, ["flow"])["flow"]

    def handler(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    delays = []
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(3):
            start = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, SOON)
            with pytest.raises(KeyboardInterrupt):
                network.run({"x": picture}, ["flow"])
            delays.append(time.perf_counter() - start - SOON)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert min(delays) < SOON, delays
    assert np.array_equal(network.run({"x": small}, ["flow"])["flow"], expected)


OUT_OF_MEMORY = """
import resource
import numpy as np
from engine.random_graphs import weights
from flownet2.executors import get_executor
from flownet2.networks import build_network
graph = build_network("flownets", width=1 / 8)
network = get_executor("native").compile(graph, weights(graph, np.random.default_rng(0)))
pictures = lambda side: {item.name: np.ones((1, 3, side, side), np.float32) for item in graph.inputs}
expected = network.run(pictures(64), ["flow"])["flow"]
large = pictures(2048)
needed = network.working_memory({name: array.shape for name, array in large.items()}, ["flow"])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + needed // 2, used + needed // 2))
try:
    network.run(large, ["flow"])
except MemoryError as error:
    print(f"no memory for {needed} bytes" in str(error))
print(np.array_equal(network.run(pictures(64), ["flow"])["flow"], expected))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the address space are Linux's")
def test_memory_that_is_not_to_be_had() -> None:
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, *(["-S"] if sys.flags.no_site else []), "-c", OUT_OF_MEMORY]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.stderr) == ("True\nTrue\n", "")
