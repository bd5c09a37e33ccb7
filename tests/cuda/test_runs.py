# SPDX-License-Identifier: Apache-2.0
"""How the GPU's executor runs a network: sizes, captures, memory, threads, arrays that stay on the device, errors."""

from __future__ import annotations

import gc
import threading
import weakref
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cuda_device import HostDevice, OnGpu
from flownet2 import load
from flownet2.api import FlowEstimator
from flownet2.builtin import MODELS
from flownet2.errors import InputError
from flownet2.executors.cuda import CudaExecutor, CudaNetwork
from flownet2.executors.cuda.cublas_library import WORKSPACE
from flownet2.executors.cuda.network import KEPT
from flownet2.types import Array
from flownet2.weights import Model, load_model

pytestmark = pytest.mark.large

FLOW_PX = 1e-3


@pytest.fixture(scope="session")
def lite() -> Model:
    return load_model(next(iter(MODELS.values())))


@pytest.fixture
def device(host: ModuleType) -> HostDevice:
    return HostDevice(host)


def network(device: HostDevice, model: Model, **options: Any) -> CudaNetwork:
    return CudaExecutor(device, engine="cublas", **options).compile(model.graph, model.parameters)


def pictures(h: int, w: int, dtype: type = np.uint8, batch: tuple[int, ...] = ()) -> tuple[Array, Array]:
    """A smooth pattern, and the same 2 pixels to the right."""
    y, x = np.mgrid[:h, : w + 2]
    values = 0.5 + 0.3 * np.sin(x / 5 + np.arange(3)[:, None, None]) * np.cos(y / 7)
    values = np.moveaxis(values, 0, -1)
    scaled = (255 * values).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)
    first, second = scaled[:, 2:], scaled[:, :-2]
    return tuple(np.ascontiguousarray(np.broadcast_to(x, (*batch, *x.shape))) for x in (first, second))  # type: ignore[return-value]


def inputs(h: int, w: int, n: int = 1, seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {name: rng.random((n, 3, h, w), np.float32) for name in ("image1", "image2")}


@pytest.mark.parametrize("size_rule", ["resize", "pad", "crop"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pictures_to_flow(device: HostDevice, lite: Model, dtype: type, size_rule: str) -> None:
    """As the model on the CPU, from any size, whichever order the channels have."""
    estimator = FlowEstimator(lite, network(device, lite))
    first, second = pictures(45, 70, dtype)
    expected = load()(first, second, size_rule=size_rule)
    for order, turned in (("rgb", slice(None)), ("bgr", slice(None, None, -1))):
        flow = estimator(first[..., turned], second[..., turned], channel_order=order, size_rule=size_rule)
        assert type(flow) is np.ndarray
        assert flow.shape == expected.shape
        assert np.abs(flow - expected).max() < FLOW_PX


def test_batches_and_mixed_strides(device: HostDevice, lite: Model) -> None:
    estimator = FlowEstimator(lite, network(device, lite))
    first, second = pictures(32, 64, np.uint8, (2,))
    second[1] = second[1][::-1]
    flow = estimator(first, second)
    alone = [estimator(first[i], second[i]) for i in range(2)]
    assert np.abs(flow - np.stack(alone)).max() < FLOW_PX
    turned = np.asfortranarray(second)
    assert np.array_equal(estimator(first, turned), flow)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_on_the_gpu_stay_there(device: HostDevice, lite: Model, dtype: type) -> None:
    estimator = FlowEstimator(lite, network(device, lite))
    first, second = pictures(45, 70, dtype)
    expected = estimator(first, second)
    device.uploads = device.downloads = 0
    estimator(first, second)
    assert (device.uploads, device.downloads) == (2, 1)
    flow = estimator(first.view(OnGpu), second.view(OnGpu))
    assert (device.uploads, device.downloads) == (2, 1)
    assert np.array_equal(flow, expected)
    x = np.concatenate([*inputs(32, 32).values()], axis=1)
    bare = estimator.forward(x)
    device.uploads = device.downloads = 0
    assert np.array_equal(estimator.forward(x.view(OnGpu)), bare)
    assert (device.uploads, device.downloads) == (0, 0)


def test_one_picture_on_the_gpu(device: HostDevice, lite: Model) -> None:
    estimator = FlowEstimator(lite, network(device, lite))
    first, second = pictures(32, 32)
    with pytest.raises(InputError, match="must both be on the GPU, or neither; only image2 is"):
        estimator(first, second.view(OnGpu))
    with pytest.raises(InputError, match=r'image1 is on the GPU.*device="cuda"'):
        load()(first.view(OnGpu), second.view(OnGpu))


def test_a_size_is_captured_once(device: HostDevice, lite: Model) -> None:
    """And replayed on new pictures: HostDevice holds captures against plain runs, and refuses memory in them."""
    net = network(device, lite)
    plain = network(device, lite, graph=False)
    for seed in range(3):
        given = inputs(32, 64, seed=seed)
        assert np.array_equal(net.run(given, ["flow"])["flow"], plain.run(given, ["flow"])["flow"])
    assert device.captures == 1
    net.run(inputs(64, 64), ["flow"])
    assert device.captures == 2
    net.run(inputs(32, 64), ["decoder.level5.flow"])
    assert device.captures == 3
    net.run(inputs(32, 64), ["flow"])
    assert device.captures == 3


def test_results_outlive_the_next_run(device: HostDevice, lite: Model) -> None:
    net = network(device, lite)
    first = net.run(inputs(32, 32), ["flow", "image1", "decoder.level5.flow"])
    kept = {name: array.copy() for name, array in first.items()}
    net.run(inputs(32, 32, seed=9), ["flow", "image1", "decoder.level5.flow"])
    assert all(np.array_equal(first[name], kept[name]) for name in kept)
    assert np.array_equal(first["image1"], inputs(32, 32)["image1"])


def test_few_sizes_are_kept(device: HostDevice, lite: Model) -> None:
    net = network(device, lite)
    for width in range(1, KEPT + 2):
        net.run(inputs(32, 32 * width), ["flow"])
    captures = device.captures
    net.run(inputs(32, 32 * (KEPT + 1)), ["flow"])
    assert device.captures == captures
    net.run(inputs(32, 32), ["flow"])
    assert device.captures == captures + 1


def test_a_dropped_size_frees_its_memory_at_once(device: HostDevice, lite: Model) -> None:
    """Python's search for cycles, which comes when it likes, is not waited for."""
    net = network(device, lite)
    net.run(inputs(32, 32), ["flow"])
    (ready,) = net._ready.values()
    tensor = weakref.ref(ready.program.pictures)
    del ready
    gc.disable()
    try:
        for width in range(2, KEPT + 2):
            net.run(inputs(32, 32 * width), ["flow"])
        device.launches.clear()  # which are of all sizes
        assert tensor() is None
    finally:
        gc.enable()


def test_memory_is_shared_by_values_that_never_meet(device: HostDevice, lite: Model) -> None:
    net = network(device, lite)
    shapes = dict.fromkeys(("image1", "image2"), (1, 3, 64, 64))
    least = net.working_memory(shapes, ["flow"])
    everything = [node.name for node in lite.graph.nodes]
    assert least - WORKSPACE < 0.9 * (net.working_memory(shapes, everything) - WORKSPACE)


def test_out_of_memory_frees_other_sizes_first(host: ModuleType, lite: Model) -> None:
    class Small(HostDevice):
        """Memory comes back when it is dropped."""

        limit = 1 << 60

        def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
            if int(np.prod(shape)) * np.dtype(dtype).itemsize > self.limit:
                self.limit = 1 << 60
                raise MemoryError("the GPU has nothing left")
            return super().zeros(shape, dtype)

    device = Small(host)
    net = network(device, lite)
    expected = net.run(inputs(32, 32), ["flow"])["flow"]
    device.limit = 0  # once
    net.run(inputs(64, 64), ["flow"])
    captures = device.captures
    assert np.array_equal(net.run(inputs(32, 32), ["flow"])["flow"], expected)
    assert device.captures == captures + 1, "the first size was dropped"


def test_out_of_memory_is_told_and_leaves_the_network_usable(host: ModuleType, lite: Model) -> None:
    device = HostDevice(host, memory=WORKSPACE + (40 << 20))
    net = network(device, lite)
    with pytest.raises(MemoryError, match="the GPU has no"):
        net.run(inputs(1024, 1024), ["flow"])
    assert net.run(inputs(32, 32), ["flow"])["flow"].shape == (1, 2, 32, 32)


def test_threads_take_turns(device: HostDevice, lite: Model) -> None:
    net = network(device, lite)
    given = [inputs(32, 32, seed=seed) for seed in range(4)]
    expected = [net.run(one, ["flow"])["flow"] for one in given]
    results: list[Array | None] = [None] * len(given)

    def work(index: int) -> None:
        results[index] = net.run(given[index], ["flow"])["flow"]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(given))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(got, want) for got, want in zip(results, expected, strict=True))


def test_profile_names_every_step(device: HostDevice, lite: Model) -> None:
    net = network(device, lite)
    steps = net.profile(inputs(32, 32), ["flow"])
    assert [names[0] for names, _, _ in steps][-1] == "flow"
    assert {"conv2d", "correlation", "warp", "concat", "resize", "elementwise"} == {op for _, op, _ in steps}
    assert all(time >= 0 for _, _, time in steps)


@pytest.mark.parametrize(
    ("given", "outputs", "message"),
    [
        ({"image1": (1, 3, 32, 32)}, ["flow"], "inputs must be 'image1', 'image2'"),
        ({"image1": (1, 3, 32, 32), "image2": (1, 3, 32, 64)}, ["flow"], r"of one shape.*multiples of 32, got"),
        ({"image1": (1, 3, 33, 32), "image2": (1, 3, 33, 32)}, ["flow"], r"multiples of 32, got float32 \(1, 3, 33"),
        ({"image1": (0, 3, 32, 32), "image2": (0, 3, 32, 32)}, ["flow"], r"got float32 \(0"),
        ({"image1": (1, 3, 32, 32), "image2": (1, 3, 32, 32)}, ["nothing"], r"no values 'nothing'"),
    ],
)
def test_wrong_inputs(
    device: HostDevice, lite: Model, given: dict[str, tuple[int, ...]], outputs: list[str], message: str
) -> None:
    net = network(device, lite)
    with pytest.raises(InputError, match=message):
        net.run({name: np.zeros(shape, np.float32) for name, shape in given.items()}, outputs)


def test_double_precision_is_refused(device: HostDevice, lite: Model) -> None:
    net = network(device, lite)
    with pytest.raises(InputError, match="float64"):
        net.run({name: x.astype(np.float64) for name, x in inputs(32, 32).items()}, ["flow"])
