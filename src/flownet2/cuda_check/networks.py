# SPDX-License-Identifier: Apache-2.0
"""Whole networks beside the CPU's engine in float32."""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np

from flownet2.api import FlowEstimator
from flownet2.builtin import BUILT_IN, DEMO_FLOW, DEMO_FRAME1, DEMO_FRAME2, MODELS
from flownet2.cuda_check.kernels import not_finite
from flownet2.cuda_check.random_model import inputs, model
from flownet2.cuda_check.report import Difference, Job, Settings
from flownet2.executors import get_executor
from flownet2.executors.cuda import CudaExecutor, Device
from flownet2.executors.precision import is_convolution
from flownet2.graph import Graph
from flownet2.io import read_flow, read_image
from flownet2.metrics import epe
from flownet2.types import Array
from flownet2.weights import Model, load_model

FLOAT32_PX = 5e-4
"""Largest difference that sums in another order make."""

HALF_STEP = {"tf32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""What rounding is off, at most, as a share of the value."""

LARGEST_OVER_MEAN = 12
"""The largest of many differences over their mean: of a normal distribution 6; edges in warped pictures double it."""


def jobs(device: Device, settings: Settings) -> list[Job[Difference]]:
    """Every network, then the built-in one on the demo pair; in all precisions, by all engines."""
    kinds = [(precision, engine) for precision in settings.precisions for engine in settings.engines]
    found = [
        Job(partial(_compared, device, settings, name, *kind), partial(Difference, name, *kind, 0.0, 0.0, 0.0, ""))
        for name in settings.networks
        for kind in kinds
    ]
    title = "flownet2-lite, demo pair"
    found += [
        Job(partial(_demo, device, settings, title, *kind), partial(Difference, title, *kind, 0.0, 0.0, 0.0, ""))
        for kind in kinds
    ]
    return found


def allowed_px(graph: Graph, precision: str, flow_px: float) -> tuple[float, float]:
    """Largest and mean difference in pixels that rounding explains.

    Each of the L convolutions on the longest way through a network takes rounded features and rounded weights. Those
    roundings are independent, each at most a half step of the type, so that their squares add up: a share of
    half step * sqrt(2 * L) of the flow. What is wrong in any layer is off by much more.

    Args:
        graph: the network.
        precision: of the executor.
        flow_px: root of the mean square of the flow.
    """
    if precision == "float32":
        return FLOAT32_PX, FLOAT32_PX
    mean = HALF_STEP[precision] * math.sqrt(2 * depth(graph)) * max(flow_px, 1.0)
    return LARGEST_OVER_MEAN * mean, mean


def depth(graph: Graph) -> int:
    """Convolutions on the longest way through it."""
    longest = {item.name: 0 for item in graph.inputs}
    for node in graph.nodes:
        longest[node.name] = max(longest[name] for name in node.inputs) + is_convolution(node)
    return longest[graph.outputs["flow"]]


@lru_cache(maxsize=1)
def _case(name: str, width: float | None, size: tuple[int, int]) -> tuple[Model, dict[str, Array], Array]:
    """A model, pictures for it, and their flow by the CPU; kept for the next precision."""
    made = model(name, width, size)
    pictures = inputs(made.graph, size)
    flow = get_executor().compile(made.graph, made.parameters).run(pictures, ["flow"])["flow"]
    return made, pictures, flow


def _compared(device: Device, settings: Settings, name: str, precision: str, engine: str) -> Difference:
    made, pictures, expected = _case(name, settings.width, settings.compared_size)
    network = CudaExecutor(device, precision=precision, engine=engine).compile(made.graph, made.parameters)
    got = network.run(pictures, ["flow"])["flow"]
    return _difference(made.graph, name, precision, engine, got, expected)


def _difference(
    graph: Graph, name: str, precision: str, engine: str, got: Array, expected: Array, detail: str = ""
) -> Difference:
    if not np.isfinite(got).all():
        return Difference(name, precision, engine, error=not_finite(got))
    off = np.abs(got - expected)
    largest, mean = float(off.max()), float(off.mean())
    flow_px = float(np.sqrt(np.square(expected, dtype=np.float64).mean()))
    allowed = allowed_px(graph, precision, flow_px)
    share = max(largest / allowed[0], mean / allowed[1])
    return Difference(name, precision, engine, largest, mean, share, detail or f"flow of {flow_px:.1f} px")


@lru_cache(maxsize=1)
def _demo_case(size: tuple[int, int] | None) -> tuple[Array, Array, Array, Array, Array]:
    """The demo pair, its true flow, which of that is known, and the CPU's flow."""
    truth, known = read_flow(DEMO_FLOW)
    pair = read_image(DEMO_FRAME1), read_image(DEMO_FRAME2)
    width, height = size or (truth.shape[1], truth.shape[0])
    frame1, frame2, truth, known = (np.ascontiguousarray(array[-height:, -width:]) for array in (*pair, truth, known))
    return frame1, frame2, truth, known, _estimator(load_model(MODELS[BUILT_IN]))(frame1, frame2)


def _estimator(made: Model) -> FlowEstimator:
    return FlowEstimator(made, get_executor().compile(made.graph, made.parameters))


def _demo(device: Device, settings: Settings, title: str, precision: str, engine: str) -> Difference:
    """Both errors are told: the mean of the differences bounds that of the errors."""
    frame1, frame2, truth, known, expected = _demo_case(settings.demo_size)
    made = load_model(MODELS[BUILT_IN])
    network = CudaExecutor(device, precision=precision, engine=engine).compile(made.graph, made.parameters)
    flow = FlowEstimator(made, network)(frame1, frame2)
    detail = f"EPE {epe(flow, truth, known):.4f} px, on the CPU {epe(expected, truth, known):.4f} px"
    return _difference(made.graph, title, precision, engine, flow, expected, detail)
