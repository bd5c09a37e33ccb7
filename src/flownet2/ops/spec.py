# SPDX-License-Identifier: Apache-2.0
"""The operators: one row each, with named attributes, shape rule, cost and tolerance.

Every executor, the validator, the serialiser and the tests read this table; nothing about an operator is stated twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flownet2.ops import attributes as at
from flownet2.ops import costs, shapes
from flownet2.types import Shape

ParameterShapes = Mapping[str, tuple[int, ...]]
ShapeRule = Callable[[Any, Sequence[Shape], ParameterShapes], Shape]
CostRule = Callable[[Any, Sequence[Shape], ParameterShapes, Shape], int]


@dataclass(frozen=True)
class OpSpec:
    """One operator.

    Attributes:
        name: the stem, the same in every folder and in the graph text.
        attributes: frozen dataclass of its attributes; its fields and defaults are the schema.
        inputs: least and largest number of input values (None: no limit).
        parameters: names of its weights; those in `optional` may be absent.
        infer_shape: (attributes, input shapes, parameter shapes) -> output shape; raises InputError.
        multiply_adds: (attributes, input shapes, parameter shapes, output shape) -> multiplications that its definition
            adds up; 0 for what is bound by memory.
        rtol: largest difference from the reference, relative to the largest value, in float32.
    """

    name: str
    attributes: type
    inputs: tuple[int, int | None]
    infer_shape: ShapeRule
    parameters: tuple[str, ...] = ()
    optional: frozenset[str] = field(default_factory=frozenset)
    multiply_adds: CostRule = costs.none
    rtol: float = 1e-5


OPS: dict[str, OpSpec] = {
    spec.name: spec
    for spec in (
        OpSpec("conv2d", at.Conv2d, (1, 1), shapes.conv2d, ("weight", "bias"), frozenset({"bias"}), costs.conv2d),
        OpSpec(
            "conv_transpose2d",
            at.ConvTranspose2d,
            (1, 1),
            shapes.conv_transpose2d,
            ("weight", "bias"),
            frozenset({"bias"}),
            costs.conv_transpose2d,
        ),
        OpSpec("leaky_relu", at.LeakyRelu, (1, 1), shapes.same),
        OpSpec("correlation", at.Correlation, (2, 2), shapes.correlation, multiply_adds=costs.correlation),
        OpSpec("warp", at.Warp, (2, 2), shapes.warp),
        OpSpec("channel_norm", at.ChannelNorm, (1, 1), shapes.channel_norm),
        OpSpec("resize", at.Resize, (1, 1), shapes.resize),
        OpSpec("concat", at.Concat, (1, None), shapes.concat),
        OpSpec("elementwise", at.Elementwise, (1, 2), shapes.elementwise),
    )
}
