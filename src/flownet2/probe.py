# SPDX-License-Identifier: Apache-2.0
"""A seeded pair of pictures and what a model makes of it: a model file carries both, so that it can be checked.

The pictures come from a frozen random stream (`numpy.random.RandomState`), so every NumPy makes the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from flownet2.executors import Executor, get_executor
from flownet2.graph import Graph
from flownet2.preprocess import Preprocess
from flownet2.types import Array, FloatArray

SEED = 20
SIZE = (64, 128)
"""(rows, columns): what every network takes without resizing."""

_BLOCK_PX = 8
_MOTION_PX = (2, 3)
"""Down and to the right, of the second picture against the first."""

MOTION_PX = float(np.hypot(*_MOTION_PX))
"""Length of the true flow of a pair."""


class Runnable(Protocol):
    """The part of a model that is run."""

    @property
    def graph(self) -> Graph: ...
    @property
    def parameters(self) -> Mapping[str, FloatArray]: ...
    @property
    def preprocess(self) -> Preprocess: ...


@dataclass(frozen=True, eq=False)
class Probe:
    """What a model file expects of itself.

    Attributes:
        seed: of the pictures.
        flow: (H, W, 2) float32 pixels, of the pictures' size: what the stored weights gave where the file was written.
        bfloat16_px: mean length of the difference that bfloat16 made there: networks differ in how much they lose.
    """

    seed: int
    flow: FloatArray
    bfloat16_px: float = 0.0


def probe_pictures(seed: int = SEED, size: tuple[int, int] = SIZE) -> tuple[Array, Array]:
    """(H, W, 3) uint8 RGB twice: random blocks, and the same moved by a few pixels."""
    height, width = size
    random = np.random.RandomState(seed)
    blocks = random.randint(0, 256, (-(-height // _BLOCK_PX), -(-width // _BLOCK_PX), 3)).astype(np.uint8)
    first = blocks.repeat(_BLOCK_PX, axis=0).repeat(_BLOCK_PX, axis=1)[:height, :width]
    return first, np.roll(first, _MOTION_PX, axis=(0, 1))


def probe_flow(
    model: Runnable, executor: Executor | None = None, seed: int = SEED, size: tuple[int, int] = SIZE
) -> FloatArray:
    """The model's flow of such a pair, (H, W, 2); by the native executor unless another is given.

    Raises:
        What compiling and running raise.
    """
    compiled = (executor or get_executor()).compile(model.graph, model.parameters)
    first, second = (picture[None] for picture in probe_pictures(seed, size))
    fit = model.preprocess.fit("resize", *size, model.graph.size_multiple)
    tensors = model.preprocess.inputs(first, second, "rgb", fit)
    named = {item.name: tensor for item, tensor in zip(model.graph.inputs, tensors, strict=True)}
    flow = compiled.run(named, [fit.output])[fit.output].transpose(0, 2, 3, 1)
    return np.ascontiguousarray(fit.backward(np.ascontiguousarray(flow))[0], np.float32)


def make_probe(model: Runnable, flow: FloatArray | None = None) -> Probe:
    """What the model's file will expect of itself: its flow of a pair, in two precisions.

    Args:
        model: with its weights as they are stored.
        flow: `probe_flow(model)`, where it was computed already.

    Raises:
        As `probe_flow`.
    """
    flow = probe_flow(model) if flow is None else flow
    rounded = probe_flow(model, get_executor(precision="bfloat16"))
    return Probe(SEED, flow, float(lengths(rounded - flow).mean()))


def lengths(flow: FloatArray) -> FloatArray:
    """(H, W) of (H, W, 2)."""
    result: FloatArray = np.hypot(flow[..., 0], flow[..., 1])
    return result


def median_speed(flow: FloatArray) -> float:
    """Median length of the flow."""
    return float(np.median(lengths(flow)))
