# SPDX-License-Identifier: Apache-2.0
"""Resampling to another size, as torch.nn.functional.interpolate computes it."""

from __future__ import annotations

import numpy as np

from flownet2.ops.attributes import Pair
from flownet2.types import Array


def resize(
    x: Array,
    *,
    scale: Pair | None = None,
    size: Pair | None = None,
    mode: str = "bilinear",
    align_corners: bool = False,
) -> Array:
    """Rows first, then columns: both rules are separable."""
    if size is None:
        assert scale is not None  # the attributes hold exactly one of the two
        size = (x.shape[2] * scale[0], x.shape[3] * scale[1])
    if mode == "nearest":
        rows, columns = _nearest(x.shape[2], size[0]), _nearest(x.shape[3], size[1])
        return np.ascontiguousarray(x[:, :, rows][:, :, :, columns])
    y0, y1, ry = _bilinear(x.shape[2], size[0], align_corners)
    x0, x1, rx = _bilinear(x.shape[3], size[1], align_corners)
    ry, rx = ry.astype(x.dtype)[:, None], rx.astype(x.dtype)
    lines = x[:, :, y0] * (1 - ry) + x[:, :, y1] * ry
    out: Array = lines[..., x0] * (1 - rx) + lines[..., x1] * rx
    return out


def _nearest(n_in: int, n_out: int) -> Array:
    return np.arange(n_out) * n_in // n_out


def _bilinear(n_in: int, n_out: int, align_corners: bool) -> tuple[Array, Array, Array]:
    """The two neighbours of each output position, and the weight of the second."""
    if align_corners:
        position = np.arange(n_out) * ((n_in - 1) / max(n_out - 1, 1))
    else:
        position = np.maximum((np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5, 0)
    first = np.minimum(position.astype(np.intp), n_in - 1)
    return first, np.minimum(first + 1, n_in - 1), position - first
