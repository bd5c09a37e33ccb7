# SPDX-License-Identifier: Apache-2.0
"""The measurement behind `flownet2 bench`: how fast a model is on this machine, and how near to what it could be.

Nothing is printed here.
"""

from __future__ import annotations

import datetime
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import flownet2
from flownet2.api import FlowEstimator
from flownet2.errors import InputError
from flownet2.graph import multiply_adds
from flownet2.machine import cpu_name, peak_memory_bytes, usable_cpus
from flownet2.preprocess import SizeFit
from flownet2.runtime import get_isa, get_num_threads, measure_peak
from flownet2.types import Array, Shape

_BLOCK_PX = 8
_MOTION_PX = (2, 3)
"""Down and to the right, of the second picture against the first."""


@dataclass(frozen=True)
class Peak:
    """What the processor computes at best, in GFLOP/s of all threads (runtime.measure_peak).

    Attributes:
        kind: "fma" or "bf16".
        before, after: the timed rounds; other work on the machine, or its heat, may have come or gone between.
    """

    kind: str
    before: float
    after: float

    @property
    def gflops(self) -> float:
        """The larger of the two: the share of it is rather too small than too large."""
        return max(self.before, self.after)


@dataclass(frozen=True)
class Layer:
    """One step of the network.

    Attributes:
        values: of the graph that it computes, by name; or changes the layout in memory of, where op is "layout".
        op: as FlowEstimator.profile tells it.
        milliseconds: the median of the rounds.
        multiply_adds: of the values' definitions; 0 where it is bound by memory.
    """

    values: tuple[str, ...]
    op: str
    milliseconds: float
    multiply_adds: int

    @property
    def gflops(self) -> float | None:
        """GFLOP/s, where it has multiply-adds."""
        return 2e-6 * self.multiply_adds / self.milliseconds if self.multiply_adds and self.milliseconds else None


@dataclass(frozen=True)
class Measurement:
    """What `measure` finds.

    Attributes:
        date: ISO 8601, UTC, to the second.
        machine: "cpu", "cpus" that may be used, "system".
        versions: of flownet2, its compiler, Python and NumPy.
        isa: instruction set of the compiled kernels.
        threads: of one call.
        network, parameters: of the model: name, number of weights.
        precision: that the model was loaded with.
        size: (width, height) of the pictures; they are resized to network_size inside.
        network_size: (width, height) that the network computes at.
        batch: pairs of pictures in a call.
        seconds: of each round: one whole call on uint8 pictures.
        first_result_s: from before loading to the first result.
        multiply_adds: of the network in one call.
        peak: of the processor; None on a GPU.
        gpu: name of the GPU; None on a CPU.
        peak_memory_bytes: largest resident memory of the process; None where the system does not tell.
        layers: empty unless asked for.
    """

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    isa: str
    threads: int
    network: str
    parameters: int
    precision: str
    size: tuple[int, int]
    network_size: tuple[int, int]
    batch: int
    seconds: tuple[float, ...]
    first_result_s: float
    multiply_adds: int
    peak: Peak | None
    peak_memory_bytes: int | None
    layers: tuple[Layer, ...]
    gpu: str | None = None

    @property
    def median_s(self) -> float:
        """Of the rounds."""
        return statistics.median(self.seconds)

    @property
    def pairs_per_second(self) -> float:
        """By the median: frames per second of a video."""
        return self.batch / self.median_s

    @property
    def gflops(self) -> float:
        """GFLOP/s by the median: of the network's definition, over the time of the whole call."""
        return 2e-9 * self.multiply_adds / self.median_s

    @property
    def peak_share(self) -> float | None:
        """Of the processor's peak; above 1 where Winograd's convolutions save multiplications."""
        return None if self.peak is None else self.gflops / self.peak.gflops


def measure(
    open_model: Callable[[], FlowEstimator],
    *,
    size: tuple[int, int] = (1024, 436),
    batch: int = 1,
    rounds: int = 10,
    precision: str = "float32",
    layers: bool = False,
    gpu: str | None = None,
    tick: Callable[[], object] = lambda: None,
) -> Measurement:
    """Loads a model, runs it once to warm up, then times it.

    Args:
        open_model: loads it; its time counts into first_result_s.
        size: (width, height) of the pictures.
        batch: pairs of pictures in a call.
        rounds: timed calls.
        precision: what open_model loads with: which peak it is compared with.
        layers: time every step, too, in as many further runs.
        gpu: name of the GPU that open_model loads to, which has no peak measured; None for the CPU.
        tick: called after each run.

    Raises:
        InputError: size, batch or rounds below 1.
        UnavailableError: layers with an executor that does not time its steps.
        What open_model raises.
    """
    if min(*size, batch, rounds) < 1:
        raise InputError(f"size, batch and rounds must be at least 1, got {size[0]}x{size[1]}, {batch} and {rounds}")
    pictures = random_pictures(size, batch)
    start = time.perf_counter()
    model = open_model()
    model(*pictures)
    first_result_s = time.perf_counter() - start
    fit = model.preprocess.fit(None, size[1], size[0], model.graph.size_multiple)
    tensor = _tensor(model, fit, pictures)
    if layers:
        model.profile(tensor)  # an executor that cannot is better found now
    tick()
    kind = _peak_kind(precision)
    before = None if gpu else measure_peak(kind)
    seconds = _timed(lambda: model(*pictures), rounds, tick)
    after = None if gpu else measure_peak(kind)
    memory = peak_memory_bytes()
    shapes = {item.name: (batch, item.channels, *fit.network_size) for item in model.graph.inputs}
    return Measurement(
        **_facts(),
        network=model.network,
        parameters=model.graph.parameter_count,
        precision=precision,
        size=size,
        network_size=fit.network_size[::-1],
        batch=batch,
        seconds=seconds,
        first_result_s=first_result_s,
        multiply_adds=sum(multiply_adds(model.graph, shapes).values()),
        peak=None if gpu else Peak(kind, before or 0.0, after or 0.0),
        gpu=gpu,
        peak_memory_bytes=memory,
        layers=_layers(model, tensor, shapes, rounds, tick) if layers else (),
    )


def random_pictures(size: tuple[int, int], batch: int) -> tuple[Array, Array]:
    """A pair of random blocks and the same moved: (H, W, 3) uint8, or (N, H, W, 3) for a batch."""
    width, height = size
    shape = (batch, -(-height // _BLOCK_PX), -(-width // _BLOCK_PX), 3)
    blocks = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    first = blocks.repeat(_BLOCK_PX, axis=1).repeat(_BLOCK_PX, axis=2)[:, :height, :width]
    second = np.roll(first, _MOTION_PX, axis=(1, 2))
    return (first, second) if batch > 1 else (first[0], second[0])


def _peak_kind(precision: str) -> str:
    """What the model's products are computed with, where the instruction set has it."""
    return "bf16" if precision == "bfloat16" and measure_peak("bf16") is not None else "fma"


def _timed(call: Callable[[], object], rounds: int, tick: Callable[[], object]) -> tuple[float, ...]:
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
        tick()
    return tuple(seconds)


def _tensor(model: FlowEstimator, fit: SizeFit, pictures: Sequence[Array]) -> Array:
    """The pictures as `forward` takes them: (N, 6, H, W)."""
    first, second = (picture if picture.ndim == 4 else picture[None] for picture in pictures)
    return np.concatenate(model.preprocess.inputs(first, second, "rgb", fit), axis=1)


def _layers(
    model: FlowEstimator, x: Array, shapes: Mapping[str, Shape], rounds: int, tick: Callable[[], object]
) -> tuple[Layer, ...]:
    runs = []
    for _ in range(rounds):
        runs.append(model.profile(x))
        tick()
    costs = multiply_adds(model.graph, shapes)
    layers = []
    for index, (values, op, _) in enumerate(runs[0]):
        milliseconds = statistics.median(run[index][2] for run in runs)
        work = 0 if op == "layout" else sum(costs.get(name, 0) for name in values)
        layers.append(Layer(tuple(values), op, milliseconds, work))
    return tuple(layers)


def _facts() -> dict[str, Any]:
    build = flownet2.build_info()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"cpu": cpu_name(), "cpus": str(usable_cpus()), "system": platform.platform()},
        "versions": {
            "flownet2": flownet2.__version__,
            "compiler": build["compiler"],
            "build_type": build["build_type"],
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "isa": get_isa(),
        "threads": get_num_threads(),
    }
