# SPDX-License-Identifier: Apache-2.0
"""The table of operator cases: every implementation of an operator is held against the reference on all of them.

Golden cases carry PyTorch's and mmflow's outputs (tests/data/parity/operators.npz); generated ones add what those
lack: odd sizes, single pixels, tails of vector widths, batches, even and odd displacement and stride, far flow.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.ops import attributes as at
from flownet2.types import Array

GOLDEN = Path(__file__).parents[1] / "data" / "parity" / "operators.npz"


@dataclass(frozen=True)
class Case:
    """One call of one operator; `expected` is what PyTorch or mmflow computed, where known."""

    id: str
    op: str
    attributes: Any
    inputs: tuple[Array, ...]
    parameters: dict[str, Array] = field(default_factory=dict)
    expected: Array | None = None


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """Golden and generated cases."""
    return (*golden_cases(), *generated_cases())


@functools.cache
def golden_cases() -> tuple[Case, ...]:
    """The 79 cases of operators.npz."""
    with np.load(GOLDEN) as data:
        rows = json.loads(data["cases"].tobytes())
        return tuple(_golden(row, data) for row in rows)


def _golden(row: dict[str, Any], data: Any) -> Case:
    op, number = row["op"], row["id"]
    arrays = {k.split(":")[1]: data[k] for k in data.files if k.startswith(f"{number}:")}
    inputs = tuple(arrays[name] for name in ("a", "b", "x", "flow") if name in arrays)
    parameters = {name: arrays[name] for name in ("weight", "bias") if name in arrays}
    op, attributes = "resize" if op == "upsample" else op, _golden_attributes(row)
    return Case(f"golden{number}-{op}", op, attributes, inputs, parameters, arrays["out"])


def _golden_attributes(row: dict[str, Any]) -> Any:
    match row["op"]:
        case "correlation":
            step = row["dilation_patch"]
            return at.Correlation(row["max_displacement"] * step, step)
        case "warp":
            return at.Warp(row["padding_mode"], row["align_corners"], row["mask"])
        case "channel_norm":
            return at.ChannelNorm()
        case "upsample":
            return at.Resize((row["scale"],) * 2, None, row["mode"], row.get("align_corners", False))
        case "resize":
            return at.Resize(None, tuple(row["size"]), row["mode"], row["align_corners"])
        case kind:
            convolution = at.Conv2d if kind == "conv2d" else at.ConvTranspose2d
            return convolution((row["stride"],) * 2, (row["padding"],) * 2, row["leaky_slope"])


@functools.cache
def generated_cases() -> tuple[Case, ...]:
    """Cases from a fixed seed, without outputs of anybody else."""
    makers = (_correlations, _warps, _convolutions, _transposed, _resizes, _simple)
    return tuple(case for maker in makers for case in maker(np.random.default_rng(20260)))


def _values(rng: np.random.Generator, *shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)


def _name(*parts: object) -> str:
    return "-".join(str(part).replace(" ", "") for part in parts)


def _correlations(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((1, 1, 1, 1), (2, 7, 5, 3), (1, 16, 8, 17), (1, 33, 3, 65)):
        for reach, stride in ((0, 1), (1, 1), (3, 2), (4, 1), (5, 3), (20, 2)):
            for reduction, slope in (("sum", None), ("mean", 0.1)):
                attributes = at.Correlation(reach, stride, reduction, slope)
                name = _name("correlation", shape, reach, stride, reduction)
                yield Case(name, "correlation", attributes, (_values(rng, *shape), _values(rng, *shape)))


def _warps(rng: np.random.Generator) -> Iterator[Case]:
    for n, c, h, w in ((1, 1, 1, 1), (2, 3, 5, 9), (1, 4, 1, 33), (1, 2, 31, 1), (1, 5, 16, 67)):
        for reach in (0.3, 4.0, 1e6):
            flow = (rng.normal(size=(n, 2, h, w)) * reach).astype(np.float32)
            for padding in ("border", "zeros", "cut"):
                for align in (True, False):
                    attributes = at.Warp(padding, align, mask=reach == 4.0)
                    name = _name("warp", (n, c, h, w), reach, padding, align)
                    yield Case(name, "warp", attributes, (_values(rng, n, c, h, w), flow))


def _convolutions(rng: np.random.Generator) -> Iterator[Case]:
    rows = (
        # N, Ci, H, W, Co, kernel, stride, padding, slope, bias
        (1, 3, 9, 11, 8, (7, 7), (2, 2), (3, 3), 0.1, True),
        (2, 5, 8, 6, 7, (5, 5), (2, 2), (2, 2), None, True),
        (3, 4, 6, 7, 2, (3, 3), (1, 1), (1, 1), 0.1, False),
        (1, 17, 1, 1, 5, (3, 3), (1, 1), (1, 1), None, True),
        (1, 6, 5, 4, 9, (1, 1), (1, 1), (0, 0), 0.1, True),
        (1, 2, 10, 9, 3, (3, 2), (3, 1), (0, 2), None, True),
        (1, 2, 4, 4, 3, (4, 4), (1, 1), (0, 0), None, False),
        (1, 64, 40, 300, 4, (3, 3), (1, 1), (1, 1), 0.2, True),
    )
    for n, ci, h, w, co, kernel, stride, padding, slope, bias in rows:
        parameters = {"weight": _values(rng, co, ci, *kernel)} | ({"bias": _values(rng, co)} if bias else {})
        attributes = at.Conv2d(stride, padding, slope)
        yield Case(
            _name("conv2d", (n, ci, h, w), co, kernel, stride, padding),
            "conv2d",
            attributes,
            (_values(rng, n, ci, h, w),),
            parameters,
        )


def _transposed(rng: np.random.Generator) -> Iterator[Case]:
    rows = (
        (1, 3, 4, 5, 6, (4, 4), (2, 2), (1, 1), 0.1, True),
        (2, 2, 3, 3, 2, (4, 4), (2, 2), (1, 1), None, False),
        (1, 7, 1, 1, 3, (4, 4), (2, 2), (1, 1), None, True),
        (1, 2, 5, 4, 3, (3, 3), (1, 1), (1, 1), None, True),
        (1, 2, 4, 3, 3, (2, 3), (3, 2), (0, 1), 0.1, True),
        (1, 2, 3, 4, 2, (5, 5), (2, 3), (2, 0), None, True),
    )
    for n, ci, h, w, co, kernel, stride, padding, slope, bias in rows:
        parameters = {"weight": _values(rng, ci, co, *kernel)} | ({"bias": _values(rng, co)} if bias else {})
        yield Case(
            _name("conv_transpose2d", (n, ci, h, w), co, kernel, stride, padding),
            "conv_transpose2d",
            at.ConvTranspose2d(stride, padding, slope),
            (_values(rng, n, ci, h, w),),
            parameters,
        )


def _resizes(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((1, 1, 1, 1), (2, 2, 3, 5), (1, 3, 16, 33)):
        for size in ((1, 1), (7, 4), (32, 66)):
            for mode, align in (("bilinear", False), ("bilinear", True), ("nearest", False)):
                attributes = at.Resize(None, size, mode, align)
                yield Case(_name("resize", shape, size, mode, align), "resize", attributes, (_values(rng, *shape),))


def _simple(rng: np.random.Generator) -> Iterator[Case]:
    for shape in ((1, 1, 1, 1), (2, 3, 5, 7), (1, 70, 4, 19)):
        a, b, c = (_values(rng, *shape) for _ in range(3))
        yield Case(_name("channel_norm", shape), "channel_norm", at.ChannelNorm(), (a,))
        yield Case(_name("leaky_relu", shape), "leaky_relu", at.LeakyRelu(0.1), (a,))
        yield Case(_name("concat", shape), "concat", at.Concat(), (a, b, c))
        yield Case(_name("scale", shape), "elementwise", at.Elementwise("scale", 20.0), (a,))
        for kind in ("add", "sub", "mul"):
            yield Case(_name(kind, shape), "elementwise", at.Elementwise(kind), (a, b))
