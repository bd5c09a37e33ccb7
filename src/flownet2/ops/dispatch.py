# SPDX-License-Identifier: Apache-2.0
"""Which implementation of an operator runs: compiled kernel, BLAS form, or the reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flownet2.ops.blas import BLAS
from flownet2.ops.kernels import KERNELS, supports
from flownet2.ops.reference import REFERENCE
from flownet2.types import Array


def run_operator(
    op: str, attributes: Any, inputs: Sequence[Array], parameters: Mapping[str, Array], *, reference: bool = False
) -> Array:
    """One operator on arrays whose shapes have been checked.

    Args:
        op: stem.
        attributes: instance of its attribute dataclass.
        inputs: (N, C, H, W) arrays of one dtype, float32 or float64.
        parameters: "weight", "bias" where the operator has them.
        reference: run the definition even where something faster exists.
    """
    values = {f.name: getattr(attributes, f.name) for f in dataclasses.fields(attributes)}
    return _implementation(op, inputs, reference)(*inputs, **parameters, **values)


def _implementation(op: str, inputs: Sequence[Array], reference: bool) -> Callable[..., Array]:
    if not reference:
        if op in KERNELS and supports(*inputs):
            return KERNELS[op]
        if op in BLAS:
            return BLAS[op]
    return REFERENCE[op]
