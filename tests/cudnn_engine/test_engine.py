# SPDX-License-Identifier: Apache-2.0
"""The cuDNN engine end to end on the host's memory, against the operators' definitions; cuDNN is tests/cudnn_double."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from cuda_numbers import rounded_to_tf32
from cudnn_double import Cudnn
from flownet2.bfloat16 import bfloat16_to_float32
from flownet2.errors import UnavailableError
from flownet2.executors.cuda.convolution import ConvSpec
from flownet2.executors.cuda.cudnn import CudnnEngine, installed
from flownet2.executors.cuda.storage import storage, stored
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.types import Array

PRECISIONS = ("float32", "tf32", "float16", "bfloat16")
# Of the largest value: the double sums in float64, so what is left is the rounding of the result.
ROUNDING = {"float32": 2**-23, "tf32": 2**-23, "float16": 2**-11, "bfloat16": 2**-8}

SPECS = {
    name: ConvSpec(*row, precision="float32")
    for name, row in {
        # N, H, W, Ci, pitch, Co, kernel, stride, padding
        "7x7": (1, 9, 11, 8, 8, 16, 7, 2, 3),
        "5x5 of a batch": (2, 8, 6, 16, 16, 8, 5, 2, 2),
        "3x3": (3, 6, 7, 8, 8, 24, 3, 1, 1),
        "3x3, stride 2, odd size": (2, 7, 9, 16, 16, 8, 3, 2, 1),
        "1x1": (1, 5, 4, 24, 24, 8, 1, 1, 0),
        "one pixel": (1, 1, 1, 8, 8, 8, 3, 1, 1),
        "3x3 of a slice": (2, 5, 7, 16, 40, 8, 3, 2, 1),
        "a grid": (1, 4, 5, 16, 16, 32, 2, 1, 1),
        "a grid of one pixel": (1, 1, 1, 8, 8, 64, 2, 1, 1),
        "grids of a slice": (3, 3, 5, 16, 48, 32, 2, 1, 1),
    }.items()
}


class Host:
    """A device whose memory is the host's."""

    stream = 1

    def pointer(self, array: Array) -> int:
        return array.ctypes.data


def aligned(array: Array) -> Array:
    """A copy at a multiple of 256 bytes, as device memory has it."""
    memory = np.zeros(array.nbytes + 256, np.uint8)
    start = -memory.ctypes.data % 256
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def read(array: Array, precision: str) -> Array:
    """The values of an array of the device, as they are multiplied."""
    if precision == "bfloat16":
        array = bfloat16_to_float32(array)
    elif precision == "tf32":
        array = rounded_to_tf32(array)
    return array.astype(np.float64)


@dataclasses.dataclass
class Run:
    """One run of the engine: the sums it gave, and what they ought to be, (N * rows, columns, Co)."""

    sums: Array
    expected: Array
    calls: list[int]


def run(engine: CudnnEngine, spec: ConvSpec) -> Run:
    """Runs one convolution of random numbers in the scratch memory that it asks for; what follows must not change."""
    rng = np.random.default_rng(spec.channels_in * spec.kernel + spec.height)
    x = stored(
        rng.normal(size=(spec.batch, spec.height, spec.width, spec.channels_in)).astype(np.float32), spec.precision
    )
    weight = rng.normal(size=(spec.channels_out, spec.channels_in, spec.kernel, spec.kernel)).astype(np.float32)
    convolution = engine.plan(spec)
    weights = aligned(stored(engine.packed(weight), spec.precision))
    on_device = aligned(x)
    if spec.pitch_in != spec.channels_in:
        fill = {"bfloat16": 0x7FC0}.get(spec.precision, np.nan)  # NaN, and read it must not be
        wide = aligned(np.full((*x.shape[:3], spec.pitch_in), fill, x.dtype))
        on_device = wide[..., 8 : 8 + spec.channels_in]
        on_device[...] = x
    memory = aligned(np.full(convolution.scratch + 4096, 0x55, np.uint8))
    calls: list[tuple[Array, int]] = []

    def finish(sums: Array, first: int) -> None:
        calls.append((sums, first))

    convolution.run(on_device, weights, memory[: convolution.scratch], finish)
    assert (memory[convolution.scratch :] == 0x55).all()
    sums = calls[0][0]
    assert sums.dtype == storage(spec.precision)
    operands = read(x, spec.precision), read(stored(weight, spec.precision), spec.precision)
    values = bfloat16_to_float32(sums) if spec.precision == "bfloat16" else sums
    return Run(values, definition(spec, *operands), [first for _, first in calls])


def definition(spec: ConvSpec, x: Array, weight: Array) -> Array:
    """By the operators' reference, in the layout of the sums."""
    stride, padding = (spec.stride,) * 2, (spec.padding,) * 2
    inputs = [np.ascontiguousarray(x.transpose(0, 3, 1, 2))]
    out = run_operator("conv2d", at.Conv2d(stride, padding), inputs, {"weight": weight}, reference=True)
    n, co, rows, columns = out.shape
    assert (rows, columns) == spec.out_size
    return out.transpose(0, 2, 3, 1).reshape(n * rows, columns, co)


@pytest.fixture
def module() -> Cudnn:
    return Cudnn()


@pytest.fixture
def engine(module: Cudnn) -> CudnnEngine:
    return CudnnEngine(Host(), module)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", SPECS)
def test_it_is_the_convolution_of_the_definition(engine: CudnnEngine, name: str, precision: str) -> None:
    result = run(engine, dataclasses.replace(SPECS[name], precision=precision))
    largest = np.abs(result.expected).max()
    np.testing.assert_allclose(result.sums, result.expected, rtol=0, atol=ROUNDING[precision] * largest)
    assert result.calls == [0]


def test_float32_multiplies_without_tensor_cores(engine: CudnnEngine) -> None:
    spec = SPECS["3x3"]
    exact, rough = run(engine, spec), run(engine, dataclasses.replace(spec, precision="tf32"))
    largest = np.abs(exact.expected).max()
    assert np.abs(rough.sums - exact.expected).max() > 1e-5 * largest > np.abs(exact.sums - exact.expected).max()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_a_plan_must_not_do(module: Cudnn, precision: str) -> None:
    CudnnEngine(Host(), module).plan(dataclasses.replace(SPECS["3x3"], precision=precision))
    notes = {note.name for note in module.graphs[0].deselected}
    always = {"REDUCED_PRECISION_REDUCTION", "NONDETERMINISTIC"}
    assert notes == always | ({"TENSOR_CORE", "DOWN_CONVERT_INPUTS"} if precision == "float32" else set())
    assert [mode.name for mode in module.graphs[0].heuristics] == ["A", "FALLBACK"]


def test_a_plan_is_made_once(engine: CudnnEngine, module: Cudnn) -> None:
    first = engine.plan(SPECS["3x3"])
    assert engine.plan(dataclasses.replace(SPECS["3x3"])) is first
    assert engine.plan(SPECS["1x1"]) is not first
    assert (len(module.graphs), len(module.handles)) == (2, 1)


def test_every_run_is_on_the_stream_of_the_moment(module: Cudnn) -> None:
    device = Host()
    engine = CudnnEngine(device, module)
    for device.stream in (7, 7, 9):
        run(engine, SPECS["1x1"])
    assert module.handles[0].streams == [7, 7, 9]


def test_one_thread_at_a_time_has_the_handle(module: Cudnn) -> None:
    class Slow(Cudnn):
        """Waits for another thread between the stream and the run."""

        def set_stream(self, handle: Any, stream: int) -> None:
            super().set_stream(handle, stream)
            assert not inside.is_set()
            inside.set()
            time.sleep(0.2)
            inside.clear()

    inside = threading.Event()
    engine = CudnnEngine(Host(), Slow())
    failures: list[BaseException] = []

    def task() -> None:
        try:
            run(engine, SPECS["1x1"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=task) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_workspace_is_part_of_the_scratch_memory() -> None:
    spec = SPECS["one pixel"]  # 8 sums of 4 bytes
    assert CudnnEngine(Host(), Cudnn(workspace=0)).plan(spec).scratch == 256
    assert CudnnEngine(Host(), Cudnn(workspace=12345)).plan(spec).scratch == 256 + 12345


def test_no_plan_names_the_layer() -> None:
    engine = CudnnEngine(Host(), Cudnn(refuses=True))
    with pytest.raises(UnavailableError, match=r"no plan for ConvSpec\(.*kernel=3.*\): No valid engine configs; use"):
        engine.plan(SPECS["3x3"])


def test_a_device_that_cudnn_does_not_start_on() -> None:
    class NoDevice(Cudnn):
        def create_handle(self) -> Any:
            raise RuntimeError("cudnnHandle Create failed")

    with pytest.raises(UnavailableError, match="does not start on this device: cudnnHandle Create failed"):
        CudnnEngine(Host(), NoDevice()).plan(SPECS["3x3"])


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Cudnn(version="1.17.3"), r"nvidia-cudnn-frontend >=1\.18,<1\.29; its version is 1\.17\.3"),
        (Cudnn(version="1.29.0"), r"its version is 1\.29\.0"),
        (Cudnn(version="1"), "its version is 1;"),
        (Cudnn(version="none"), "its version is none"),
        (Cudnn(backend=90701), r"cuDNN >=9\.8,<10\.0; its version is 9\.7"),
        (Cudnn(backend=100000), r"its version is 10\.0"),
        (Cudnn(backend=None), r"cuDNN >=9\.8,<10\.0, which does not load \(Unable to find symbol cudnnGetVersion\)"),
        (object(), "its version is none"),
    ],
)
def test_other_versions_are_refused(module: Any, message: str) -> None:
    with pytest.raises(UnavailableError, match=message) as caught:
        CudnnEngine(Host(), module)
    assert 'pip install "flownet2[cudnn13]"' in str(caught.value)


@pytest.mark.parametrize("version", ["1.18", "1.18.0", "1.22.1", "1.28.0rc1"])
def test_these_versions_are_taken(version: str) -> None:
    CudnnEngine(Host(), Cudnn(version=version, backend=90800))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cudnn", None)  # how Python says that an import fails
    with pytest.raises(UnavailableError, match=r"nvidia-cudnn-frontend.*flownet2\[cudnn13\]"):
        installed()
