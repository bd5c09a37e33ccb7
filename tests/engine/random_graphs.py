# SPDX-License-Identifier: Apache-2.0
"""Random valid graphs: chains and DAGs of all operators, odd channels, shared weights, values with several users."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from flownet2.errors import InputError
from flownet2.graph import Graph, Input, Node, infer_shapes, validate
from flownet2.ops import attributes as at
from flownet2.ops.spec import OPS
from flownet2.types import Array, Shape

CHANNELS = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 16, 17, 32, 33, 48])
LARGEST_SIDE = 24
MOST_CHANNELS = 160


@dataclass
class Case:
    """A graph with inputs and weights; the strategy fills it node by node. gpu: of what a GPU runs alone."""

    inputs: list[Input]
    shapes: dict[str, Shape]
    gpu: bool = False
    nodes: list[Node] = field(default_factory=list)
    parameters: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def try_add(self, op: str, inputs: tuple[str, ...], attributes: Any, roles: dict[str, str]) -> bool:
        """Adds a node if it fits and stays small."""
        known = [self.shapes[name] for name in inputs]
        try:
            shape = OPS[op].infer_shape(
                attributes, known, {role: self.parameters[name] for role, name in roles.items()}
            )
        except InputError:
            return False
        if max(shape[2:]) > LARGEST_SIDE or shape[1] > MOST_CHANNELS:
            return False
        name = f"node{len(self.nodes)}"
        self.nodes.append(Node(name, op, inputs, attributes, roles))
        self.shapes[name] = shape
        return True


@dataclass
class Sample:
    """What a test runs."""

    graph: Graph
    inputs: dict[str, Array]
    parameters: dict[str, Array]
    outputs: list[str]


@st.composite
def samples(draw: st.DrawFn, *, gpu: bool = False) -> Sample:
    """A graph of up to 14 nodes, inputs of a size that it takes, and outputs to ask for.

    gpu: only what the executor for GPUs takes: two pictures, square convolutions, one kind of transposed ones.
    """
    side = draw(st.sampled_from([1, 3, 4, 8]))
    channels = [3, 3] if gpu else [draw(CHANNELS) for _ in range(draw(st.integers(1, 3)))]
    inputs = [Input(f"input{i}", count) for i, count in enumerate(channels)]
    case = Case(inputs, {item.name: (1, item.channels, side, side) for item in inputs}, gpu)
    for _ in range(draw(st.integers(1, 14))):
        op = draw(st.sampled_from(sorted(MAKERS)))
        MAKERS[op](draw, case)
    values = [*case.shapes]
    public = {f"public{i}": draw(st.sampled_from(values)) for i in range(draw(st.integers(1, 2)))}
    used = {name for node in case.nodes for name in node.parameters.values()}
    parameters = {name: shape for name, shape in case.parameters.items() if name in used}
    graph = Graph("random", tuple(inputs), tuple(case.nodes), public, parameters, side)
    validate(graph)
    wanted = draw(st.lists(st.sampled_from([*values, *public]), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Sample(graph, _inputs(draw, graph, rng), weights(graph, rng), wanted)


def weights(graph: Graph, rng: np.random.Generator) -> dict[str, Array]:
    """Weights that neither blow values up nor let them vanish."""
    found = {}
    for name, shape in graph.parameters.items():
        bound = np.sqrt(1 / max(1, int(np.prod(shape)) / max(shape[:2])))
        found[name] = (rng.standard_normal(shape) * bound).astype(np.float32)
    return found


def _inputs(draw: st.DrawFn, graph: Graph, rng: np.random.Generator) -> dict[str, Array]:
    """Of a size and batch that all nodes take; the smallest size always is one."""
    batch, multiple = draw(st.integers(1, 3)), graph.size_multiple
    size = multiple * draw(st.integers(1, 4)), multiple * draw(st.integers(1, 4))
    shapes = {item.name: (batch, item.channels, *size) for item in graph.inputs}
    try:
        infer_shapes(graph, shapes)
    except InputError:
        shapes = {item.name: (batch, item.channels, multiple, multiple) for item in graph.inputs}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def _value(draw: st.DrawFn, case: Case, like: Shape | None = None, channels: int | None = None) -> str | None:
    """A value; of the same size as `like`, with so many channels, where that is asked for."""
    found = [
        name
        for name, shape in case.shapes.items()
        if (like is None or shape[2:] == like[2:]) and (channels is None or shape[1] == channels)
    ]
    return draw(st.sampled_from(found)) if found else None


def _pairs(least: int, most: int, *, square: bool = False) -> st.SearchStrategy[tuple[int, int]]:
    numbers = st.integers(least, most)
    return numbers.map(lambda number: (number, number)) if square else st.tuples(numbers, numbers)


SLOPES = st.sampled_from([None, 0.1, 0.25, 0.0])


def _convolution(draw: st.DrawFn, case: Case, op: str) -> None:
    x = _value(draw, case)
    assert x is not None  # there is at least an input
    ci, transposed = case.shapes[x][1], op == "conv_transpose2d"
    axis = 0 if transposed else 1
    shared = [node.parameters for node in case.nodes if node.op == op and _weight(case, node)[axis] == ci]
    stride, padding, kernel = (draw(_pairs(*limits, square=case.gpu)) for limits in ((1, 3), (0, 2), (1, 5)))
    if transposed and case.gpu:
        stride, padding, kernel = (2, 2), (1, 1), (4, 4)
    attributes = (at.ConvTranspose2d if transposed else at.Conv2d)(stride, padding, draw(SLOPES))
    if shared and draw(st.booleans()):
        case.try_add(op, (x,), attributes, dict(draw(st.sampled_from(shared))))
        return
    co = draw(CHANNELS)
    name = f"layer{len(case.parameters)}"
    case.parameters[f"{name}.weight"] = (ci, co, *kernel) if transposed else (co, ci, *kernel)
    roles = {"weight": f"{name}.weight"}
    if draw(st.booleans()):
        case.parameters[f"{name}.bias"] = (co,)
        roles["bias"] = f"{name}.bias"
    case.try_add(op, (x,), attributes, roles)


def _composable(draw: st.DrawFn, case: Case) -> None:
    """Two 3x3 convolutions of which the second has few outputs; sometimes the engine makes one of them."""
    x = _value(draw, case)
    assert x is not None  # there is at least an input
    between = draw(st.sampled_from([8, 16, 33, 48]))
    for ci, co, slope in (
        (case.shapes[x][1], between, None),
        (between, draw(st.sampled_from([1, 2, 2, 3, 4])), draw(SLOPES)),
    ):
        name = f"layer{len(case.parameters)}"
        case.parameters[f"{name}.weight"] = (co, ci, 3, 3)
        case.parameters[f"{name}.bias"] = (co,)
        roles = {role: f"{name}.{role}" for role in ("weight", "bias")}
        if not case.try_add("conv2d", (x,), at.Conv2d((1, 1), (1, 1), slope), roles):
            return
        x = case.nodes[-1].name


def _towers(draw: st.DrawFn, case: Case) -> None:
    """One convolution of several values of one shape."""
    first = _value(draw, case)
    assert first is not None  # there is at least an input
    ci, co = case.shapes[first][1], draw(st.sampled_from([5, 16, 33]))
    name = f"layer{len(case.parameters)}.weight"
    case.parameters[name] = (co, ci, 3, 3)
    attributes = at.Conv2d(draw(_pairs(1, 2, square=case.gpu)), (1, 1), draw(SLOPES))
    others = [_value(draw, case, case.shapes[first], ci) for _ in range(2)]
    for x in (first, *others):
        assert x is not None  # first is one
        case.try_add("conv2d", (x,), attributes, {"weight": name})


def _weight(case: Case, node: Node) -> tuple[int, ...]:
    return case.parameters[node.parameters["weight"]]


def _one_input(draw: st.DrawFn, case: Case, op: str, attributes: Any) -> None:
    x = _value(draw, case)
    assert x is not None  # there is at least an input
    case.try_add(op, (x,), attributes, {})


def _resize(draw: st.DrawFn, case: Case) -> None:
    mode = draw(st.sampled_from(["bilinear", "nearest"]))
    align = mode == "bilinear" and draw(st.booleans())
    scaled = draw(st.booleans())
    scale, size = (draw(_pairs(1, 3)), None) if scaled else (None, draw(_pairs(1, 12)))
    _one_input(draw, case, "resize", at.Resize(scale, size, mode, align))


def _correlation(draw: st.DrawFn, case: Case) -> None:
    a = _value(draw, case)
    assert a is not None  # there is at least an input
    b = _value(draw, case, case.shapes[a], case.shapes[a][1])
    reach, stride = draw(st.integers(0, 4)), draw(st.integers(1, 3))
    attributes = at.Correlation(reach, stride, draw(st.sampled_from(["sum", "mean"])), draw(SLOPES))
    case.try_add("correlation", (a, b or a), attributes, {})


def _warp(draw: st.DrawFn, case: Case) -> None:
    """By a value of two channels; where x has none beside it, by a convolution of x."""
    x = _value(draw, case)
    assert x is not None  # there is at least an input
    flow = _value(draw, case, case.shapes[x], channels=2)
    if flow is None:
        name = f"layer{len(case.parameters)}.weight"
        case.parameters[name] = (2, case.shapes[x][1], 1, 1)
        case.try_add("conv2d", (x,), at.Conv2d(), {"weight": name})
        flow = case.nodes[-1].name
    attributes = at.Warp(draw(st.sampled_from(["border", "zeros", "cut"])), draw(st.booleans()), draw(st.booleans()))
    case.try_add("warp", (x, flow), attributes, {})


def _concat(draw: st.DrawFn, case: Case) -> None:
    first = _value(draw, case)
    assert first is not None  # there is at least an input
    others = [_value(draw, case, case.shapes[first]) for _ in range(draw(st.integers(0, 4)))]
    case.try_add("concat", (first, *(name for name in others if name is not None)), at.Concat(), {})


def _elementwise(draw: st.DrawFn, case: Case) -> None:
    a = _value(draw, case)
    assert a is not None  # there is at least an input
    kind = draw(st.sampled_from(["add", "sub", "mul", "scale"]))
    if kind == "scale":
        case.try_add("elementwise", (a,), at.Elementwise("scale", draw(st.sampled_from([20.0, -0.5, 0.0]))), {})
        return
    b = _value(draw, case, case.shapes[a], case.shapes[a][1])
    case.try_add("elementwise", (a, b or a), at.Elementwise(kind), {})


MAKERS = {
    "conv2d": lambda draw, case: _convolution(draw, case, "conv2d"),
    "conv2d ": lambda draw, case: _convolution(draw, case, "conv2d"),  # twice as likely
    "conv2d pair": _composable,
    "conv2d towers": _towers,
    "conv_transpose2d": lambda draw, case: _convolution(draw, case, "conv_transpose2d"),
    "leaky_relu": lambda draw, case: _one_input(
        draw, case, "leaky_relu", at.LeakyRelu(draw(st.floats(-1, 1, width=32)))
    ),
    "channel_norm": lambda draw, case: _one_input(draw, case, "channel_norm", at.ChannelNorm()),
    "resize": _resize,
    "correlation": _correlation,
    "warp": _warp,
    "concat": _concat,
    "concat ": _concat,
    "elementwise": _elementwise,
}
