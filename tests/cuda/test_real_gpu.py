# SPDX-License-Identifier: Apache-2.0
"""What only a GPU can tell: CuPy's and PyTorch's arrays, streams, captures, threads, memory.

Runs where FLOWNET2_CUDA_HOST=gpu, on the installed package; the flow itself is compared by `flownet2 check`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2 import FlowEstimator
from flownet2.bench import random_pictures
from flownet2.executors.cuda import best_engine
from flownet2.types import Array

ENGINES = ["cublas", *(["cudnn"] if best_engine() == "cudnn" else [])]
SIZES = [(70, 45), (256, 192), (1, 1), (1242, 375)]
FLOW_PX = 1e-3


@pytest.fixture(scope="module", params=ENGINES)
def model(request: pytest.FixtureRequest) -> FlowEstimator:
    return flownet2.load(device="cuda", engine=request.param)


@pytest.fixture(scope="module")
def on_cpu() -> FlowEstimator:
    return flownet2.load()


@pytest.fixture
def cupy() -> Iterator[Any]:
    import cupy

    yield cupy
    cupy.cuda.Device().synchronize()


def pictures(size: tuple[int, int] = (256, 192), batch: int = 1) -> tuple[Array, Array]:
    first, second = random_pictures(size, batch)
    return first, second


@pytest.mark.parametrize("size", SIZES)
def test_flow_of_the_cpu(model: FlowEstimator, on_cpu: FlowEstimator, size: tuple[int, int]) -> None:
    """The third call is the captured graph's second replay."""
    for turn in range(3):
        pair = [np.roll(picture, turn, axis=0) for picture in pictures(size)]
        assert np.abs(model(*pair) - on_cpu(*pair)).max() < FLOW_PX


def test_captured_or_not(cupy: Any) -> None:
    pair = pictures()
    flows = [flownet2.load(device="cuda", graph=graph)(*pair) for graph in (True, False)]
    assert np.array_equal(*flows)


def test_runs_repeat_their_bits(model: FlowEstimator) -> None:
    pair = pictures()
    first = model(*pair)
    assert all(np.array_equal(model(*pair), first) for _ in range(5))


def test_cupy_arrays(model: FlowEstimator, cupy: Any) -> None:
    pair = pictures()
    flow = model(*map(cupy.asarray, pair))
    assert isinstance(flow, cupy.ndarray)
    assert np.array_equal(flow.get(), model(*pair))
    views = [cupy.asarray(np.pad(picture, ((0, 0), (3, 3), (0, 1))))[:, 3:-3, :3] for picture in pair]
    assert not views[0].flags.c_contiguous
    assert np.array_equal(model(*views).get(), flow.get())


def test_torch_tensors(model: FlowEstimator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is no dependency of ours")
    pair = pictures()
    flow = torch.from_dlpack(model(*(torch.from_numpy(picture).cuda() for picture in pair)))
    assert flow.is_cuda
    assert np.array_equal(flow.cpu().numpy(), model(*pair))


def test_work_is_queued_on_the_current_stream(model: FlowEstimator, cupy: Any) -> None:
    """Pictures are filled behind much other work of a stream, and flow read by it: right only if the order is kept."""
    pair = pictures()
    expected = model(*pair)
    there = [cupy.asarray(picture) for picture in pair]
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        late = [cupy.zeros_like(picture) for picture in there]
        large = cupy.ones((4096, 4096), cupy.float32)
        for _ in range(20):
            large = large @ large * 1e-4
        for target, source in zip(late, there, strict=True):
            target[...] = source
        flow = model(*late) + 0 * large[0, 0]
    stream.synchronize()
    assert np.array_equal(flow.get(), expected)


def test_batches(model: FlowEstimator) -> None:
    first, second = pictures(batch=3)
    second = np.stack([np.roll(picture, index, axis=1) for index, picture in enumerate(second)])
    together = model(first, second)
    alone = np.stack([model(first[index], second[index]) for index in range(3)])
    assert np.abs(together - alone).max() < FLOW_PX


def test_threads(model: FlowEstimator) -> None:
    pairs = [[np.roll(picture, index, axis=0) for picture in pictures()] for index in range(4)]
    expected = [model(*pair) for pair in pairs]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(10):
            if not np.array_equal(model(*pairs[index]), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_models_on_two_streams(cupy: Any) -> None:
    """Side by side: they share nothing that is written."""
    pair = pictures()
    models = [flownet2.load(device="cuda", engine=engine) for engine in (ENGINES[0], ENGINES[0], ENGINES[-1])]
    there = [cupy.asarray(picture) for picture in pair]
    expected = [model(*there).get() for model in models]
    cupy.cuda.Device().synchronize()
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in models]
    flows: list[list[Any]] = [[] for _ in models]
    for _ in range(10):
        for model, stream, found in zip(models, streams, flows, strict=True):
            with stream:
                found.append(model(*there))
    cupy.cuda.Device().synchronize()
    for found, right in zip(flows, expected, strict=True):
        assert all(np.array_equal(flow.get(), right) for flow in found)


def test_no_memory_is_told_and_leaves_the_model_usable(cupy: Any) -> None:
    model = flownet2.load(device="cuda", engine="cublas")
    pair = pictures()
    expected = model(*pair)
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    pool.set_limit(size=pool.total_bytes() + (64 << 20))
    try:
        with pytest.raises(MemoryError, match=r"the GPU has no [0-9]+ MiB left for this .*MiB free"):
            model(*pictures((2048, 1024), 4))
        assert np.array_equal(model(*pair), expected)
    finally:
        pool.set_limit(size=0)


def test_values_inside_the_network(model: FlowEstimator, on_cpu: FlowEstimator) -> None:
    x = np.random.default_rng(0).random((1, 6, 64, 96), np.float32)
    names = [node.name for node in model.graph.nodes if node.op in ("correlation", "warp", "resize")] + ["flow"]
    got, expected = model.forward(x, names), on_cpu.forward(x, names)
    for name in names:
        assert np.abs(got[name] - expected[name]).max() <= 1e-3 * max(1.0, np.abs(expected[name]).max()), name
    steps = model.profile(x)
    assert sum(time for _, _, time in steps) > 0
