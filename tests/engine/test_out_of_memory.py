# SPDX-License-Identifier: Apache-2.0
"""Every allocation of the engine fails once: an error that tells the bytes, nothing lost, the same bits afterwards."""

from __future__ import annotations

import functools
import gc
import re
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from engine.random_graphs import weights
from flownet2 import _core, runtime
from flownet2.executors import get_executor
from flownet2.executors.native import NativeNetwork
from flownet2.executors.precision import CPU_PRECISIONS, FLOW_CHANNELS, is_convolution, output_channels
from flownet2.graph import Graph
from flownet2.networks import build_network
from flownet2.types import Array

MOST = 1000


@functools.cache
def sample() -> tuple[Graph, dict[str, Array], dict[str, Array]]:
    """FlowNetS-thin, its parameters and pictures of 64x64."""
    graph = build_network("flownet2s-thin")
    pictures = {item.name: np.random.default_rng(1).random((1, 3, 64, 64), np.float32) for item in graph.inputs}
    return graph, weights(graph, np.random.default_rng(0)), pictures


def load(precision: str = "float32") -> NativeNetwork:
    graph, parameters, _ = sample()
    return get_executor("native", precision=precision).compile(graph, parameters)


def run(network: NativeNetwork) -> Array:
    return network.run(sample()[2], ["flow"])["flow"]


def on_a_new_thread(task: Callable[[], None]) -> None:
    """Calls it where no working memory was kept from earlier calls; raises what it raises."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def settled(expected: int) -> int:
    """Bytes that the engine holds, as soon as they are as expected: a thread's are freed shortly after its end."""
    gc.collect()  # tracebacks hold what their frames held
    end = time.monotonic() + 2
    while _core.aligned_bytes() != expected and time.monotonic() < end:
        time.sleep(0.001)
    return _core.aligned_bytes()


def failures(task: Callable[[], None]) -> list[str]:
    """The messages of failing the first, second, ... allocation, until the task needs no more of them."""
    messages: list[str] = []
    gc.collect()
    before = _core.aligned_bytes()
    for number in range(1, MOST):
        try:
            _core.fail_allocation(number)
            on_a_new_thread(task)
        except MemoryError as error:
            messages.append(str(error))
        else:
            return messages
        finally:
            _core.fail_allocation(0)
        assert settled(before) == before, f"allocation {number}: memory was lost"
    raise AssertionError(f"more than {MOST} allocations")


@pytest.fixture(autouse=True)
def one_thread() -> object:
    """So that all allocations are those of the calling thread."""
    before = runtime.get_num_threads()
    runtime.set_num_threads(1)
    yield
    runtime.set_num_threads(before)


@pytest.mark.parametrize("precision", CPU_PRECISIONS)
def test_while_loading_and_running(precision: str) -> None:
    expected = run(load(precision))

    def load_and_run() -> None:
        assert np.array_equal(run(load(precision)), expected)

    messages = failures(load_and_run)
    graph = sample()[0]
    channels = [output_channels(graph, node) for node in graph.nodes if is_convolution(node)]
    features = sum(co > FLOW_CHANNELS for co in channels)
    loading = [text for text in messages if "for the weights of" in text]
    running = [text for text in messages if "a run on" in text]
    assert len(loading) >= len(channels) + features  # weights of each, and the bias where it is not in a flow head
    assert len(running) >= 2  # working memory of the network and of the thread
    assert len(loading) + len(running) == len(messages)
    load_and_run()


def test_a_network_works_after_every_failed_run() -> None:
    network = load()
    expected = run(network)

    def run_twice() -> None:
        try:
            run(fresh)
        except MemoryError:
            assert np.array_equal(run(fresh), expected)
            raise

    messages = []
    for number in range(1, MOST):
        fresh = load()
        _core.fail_allocation(number)
        try:
            on_a_new_thread(run_twice)
        except MemoryError as error:
            messages.append(str(error))
        else:
            break
        finally:
            _core.fail_allocation(0)
    shapes = {name: array.shape for name, array in sample()[2].items()}
    needed = network.working_memory(shapes, ["flow"])
    assert messages[0] == (
        f"network: working space: no memory for {needed} bytes; a run on 'image1' (1, 3, 64, 64), "
        f"'image2' (1, 3, 64, 64) needs {needed} bytes beside the weights"
    )
    assert len(messages) >= 2
    for text in messages[1:]:
        assert re.match(r"convolution: no memory for [1-9]\d* bytes; a run on 'image1' ", text), text
