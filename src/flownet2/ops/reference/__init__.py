# SPDX-License-Identifier: Apache-2.0
"""The definition of every operator in NumPy: one file each, written to be read, in the dtype of its input.

Every function is called as `STEM(*inputs, **parameters, **attributes)`, with the attribute names of ops/attributes.py.
"""

from __future__ import annotations

from collections.abc import Callable

from flownet2.ops.reference.channel_norm import channel_norm
from flownet2.ops.reference.concat import concat
from flownet2.ops.reference.conv2d import conv2d
from flownet2.ops.reference.conv_transpose2d import conv_transpose2d
from flownet2.ops.reference.correlation import correlation
from flownet2.ops.reference.elementwise import elementwise
from flownet2.ops.reference.leaky_relu import leaky_relu
from flownet2.ops.reference.resize import resize
from flownet2.ops.reference.warp import warp
from flownet2.types import Array

REFERENCE: dict[str, Callable[..., Array]] = {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "leaky_relu": leaky_relu,
    "correlation": correlation,
    "warp": warp,
    "channel_norm": channel_norm,
    "resize": resize,
    "concat": concat,
    "elementwise": elementwise,
}
