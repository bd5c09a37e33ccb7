# SPDX-License-Identifier: Apache-2.0
"""Convolutions as matrix products: what the NumPy executor runs in place of the reference."""

from __future__ import annotations

from collections.abc import Callable

from flownet2.ops.blas.conv2d import conv2d
from flownet2.ops.blas.conv_transpose2d import conv_transpose2d
from flownet2.types import Array

BLAS: dict[str, Callable[..., Array]] = {"conv2d": conv2d, "conv_transpose2d": conv_transpose2d}
