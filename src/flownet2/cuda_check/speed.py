# SPDX-License-Identifier: Apache-2.0
"""How long networks take on the GPU, by its own clock, and what memory they take."""

from __future__ import annotations

import itertools
from functools import lru_cache, partial

from flownet2.bench import random_pictures
from flownet2.cuda_check.random_model import inputs, model
from flownet2.cuda_check.report import Job, Settings, Step, Timing
from flownet2.executors.cuda import CudaExecutor, CudaNetwork, Device
from flownet2.weights import Model

SLOWEST = 10
"""Steps that are listed."""

_WARM_UP = 3


def jobs(device: Device, settings: Settings) -> list[Job[Timing]]:
    """Every timed network in all precisions, by all engines, captured and not."""
    kinds = itertools.product(settings.timed, settings.precisions, settings.engines, (True, False))
    return [
        Job(partial(_timed, device, settings, *kind), partial(_failed, *kind, settings.timed_size)) for kind in kinds
    ]


def medium(name: str, settings: Settings) -> Model:
    """The model to time: its weights are made for the size of the comparisons."""
    return _model(name, settings.width, settings.compared_size)


def milliseconds(device: Device, network: CudaNetwork, made: Model, settings: Settings) -> tuple[float, ...]:
    """Of each round: pictures in 8 bits on the GPU in, flow there out."""
    with device.scope():
        first, second = (device.asarray(picture[None]) for picture in random_pictures(settings.timed_size, 1))

        def call() -> None:
            network.flow(first, second, turned=made.preprocess.channel_order != "rgb", mean=made.preprocess.mean)

        for _ in range(_WARM_UP):
            call()
        return tuple(device.elapsed(call, settings.rounds))


@lru_cache(maxsize=1)
def _model(name: str, width: float | None, size: tuple[int, int]) -> Model:
    return model(name, width, size)


def _failed(name: str, precision: str, engine: str, captured: bool, size: tuple[int, int], error: str) -> Timing:
    return Timing(name, precision, engine, captured, size, error=error)


def _timed(device: Device, settings: Settings, name: str, precision: str, engine: str, captured: bool) -> Timing:
    made = medium(name, settings)
    executor = CudaExecutor(device, precision=precision, engine=engine, graph=captured)
    network = executor.compile(made.graph, made.parameters)
    times = milliseconds(device, network, made, settings)
    width, height = settings.timed_size
    shapes = {item.name: (1, item.channels, height, width) for item in made.graph.inputs}
    return Timing(
        name,
        precision,
        engine,
        captured,
        settings.timed_size,
        times,
        network.weights_memory,
        network.working_memory(shapes, ["flow"]),
        () if captured else _slowest(network, made, settings),
    )


def _slowest(network: CudaNetwork, made: Model, settings: Settings) -> tuple[Step, ...]:
    """Of one run, each step waited for, which takes longer than all of them together."""
    steps = network.profile(inputs(made.graph, settings.timed_size), ["flow"])
    slowest = sorted(steps, key=lambda step: step[2], reverse=True)[:SLOWEST]
    return tuple(Step(values[0], op, time) for values, op, time in slowest)
