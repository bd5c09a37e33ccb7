# SPDX-License-Identifier: Apache-2.0
"""A model file's stored self-check, repeated in every way that this machine can compute it.

Nothing is printed here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from flownet2.errors import UnavailableError
from flownet2.executors import PRECISIONS, Executor, get_executor
from flownet2.executors.native import NativeExecutor
from flownet2.executors.precision import CPU_PRECISIONS
from flownet2.probe import Probe, lengths, probe_flow
from flownet2.runtime import list_isas
from flownet2.weights import Model

Check = Callable[[], tuple[bool, str]]

_FULL_PRECISION_PX = 1e-3
_LOW_PRECISION_PX = 0.1
_AS_BFLOAT16 = 2.0
_AS_FLOAT32 = 1 / 100
"""Times the mean difference that bfloat16 made where the file was written. No other low precision loses more than
bfloat16, and float32 thousands of times less."""

_SLOW_PARAMETERS = 20_000_000
"""Weights above which the reference would take minutes."""


def model_checks(model: Model, *, gpu: bool = True) -> Iterator[tuple[str, Check]]:
    """Name and test of every way to compute; none for a model without a self-check of a known form.

    Args:
        model: of a model file.
        gpu: also on the GPU.

    A test tells whether the flow is the stored one, and the difference; it raises UnavailableError where something
    that it needs is missing.
    """
    if model.probe is None:
        return
    for name, precision, make in _ways(model, gpu):
        yield f"{name}, {precision}", functools.partial(_compared, model, model.probe, make, precision)


def _ways(model: Model, gpu: bool) -> Iterator[tuple[str, str, Callable[[], Executor]]]:
    """Name, precision, executor."""
    for precision in CPU_PRECISIONS:
        for isa in reversed(list_isas()):
            yield f"native, {isa}", precision, functools.partial(NativeExecutor, precision, isa)
    for precision in CPU_PRECISIONS:
        yield "numpy", precision, functools.partial(get_executor, "numpy", precision=precision)
    yield "reference", "float32", functools.partial(_reference, model.graph.parameter_count)
    if not gpu:
        return
    for precision in PRECISIONS if _has_gpu() else PRECISIONS[:1]:
        yield "cuda", precision, functools.partial(get_executor, device="cuda", precision=precision)


def _has_gpu() -> bool:
    try:
        get_executor(device="cuda")
    except UnavailableError:
        return False
    return True


def _reference(parameters: int) -> Executor:
    if parameters > _SLOW_PARAMETERS:
        raise UnavailableError("it takes minutes for a network of this size")
    return get_executor("reference")


def _compared(model: Model, probe: Probe, make: Callable[[], Executor], precision: str) -> tuple[bool, str]:
    flow = probe_flow(model, make(), probe.seed, (probe.flow.shape[0], probe.flow.shape[1]))
    difference = lengths(flow - probe.flow)
    largest, mean = float(difference.max()), float(difference.mean())
    # A file cannot ask for more than its flow is long.
    bfloat16_px = min(probe.bfloat16_px, float(lengths(probe.flow).mean()))
    if precision == "float32":
        found, allowed, which = largest, max(_FULL_PRECISION_PX, _AS_FLOAT32 * bfloat16_px), "largest"
    else:
        found, allowed, which = mean, max(_LOW_PRECISION_PX, _AS_BFLOAT16 * bfloat16_px), "mean"
    return found <= allowed, (
        f"largest difference {largest:.2g} px, mean {mean:.2g} px ({which} allowed: {allowed:.1g} px)"
    )
