# SPDX-License-Identifier: Apache-2.0
"""The transposed convolution that networks have, 4x4 of stride 2 and padding 1, as one plain convolution.

Row 2 * i - 1 + a of the result, a in 0..1, is a sum over rows i - 1 and i of the input alone; columns likewise. So a
convolution 2x2 with padding 1 computes, on a grid of (H + 1) x (W + 1) pixels, the sums of all four phases (a, b), each
with channels of its own; the kernel `scatter` takes them to their places. Engines compute that several times as fast
as what they have for transposed convolutions (docs/adr/0021-executor-for-gpus.md).
"""

from __future__ import annotations

import numpy as np

from flownet2.errors import UnavailableError
from flownet2.graph import Node
from flownet2.types import Array

KERNEL, STRIDE, PADDING = 2, 1, 1
"""Of the plain convolution."""

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""(a, b), in the order of their channels."""


def check_transposed(node: Node, shape: tuple[int, ...]) -> None:
    """Refuses others, by what the node says and its weight's shape.

    Raises:
        UnavailableError: it is another one.
    """
    (kernel, *_), (stride, _), (padding, _) = shape[2:], node.attributes.stride, node.attributes.padding
    if (kernel, stride, padding) != (4, 2, 1):
        raise UnavailableError(
            f"node {node.name!r}: conv_transpose2d on the GPU must have a kernel of 4x4, stride 2 and padding 1, got "
            f'{kernel}x{kernel}, {stride} and {padding}; device="cpu" computes any'
        )


def plain_weight(weight: Array) -> Array:
    """(Co, Ci, 4, 4) -> (4 * Co, Ci, 2, 2): tap t of a phase p is the kernel's p + 2 - 2 * t."""
    return np.concatenate([weight[:, :, a + 2 :: -2, b + 2 :: -2] for a, b in PHASES])
