# SPDX-License-Identifier: Apache-2.0
"""The compiled operators: the functions of flownet2.ops.reference that csrc has, with the same arguments.

They take float32 arrays of any layout, read-only ones included, and release the GIL while they compute. For
other dtypes use the reference; `supports` tells which it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flownet2 import _core
from flownet2.errors import InputError, compiled_errors
from flownet2.ops import attributes as at
from flownet2.types import Array, FloatArray


def supports(*arrays: Array) -> bool:
    """Whether all arrays have the dtype that these kernels compute in: float32, native byte order."""
    return all(array.dtype == np.float32 for array in arrays)


def correlation(
    a: Array,
    b: Array,
    *,
    max_displacement: int = 20,
    stride: int = 2,
    reduction: str = "sum",
    leaky_slope: float | None = None,
) -> FloatArray:
    """out[n, iy * D + ix, y, x] = sum over c of a[n, c, y, x] * b[n, c, y + dy, x + dx]; see ops.reference.

    Args:
        a, b: (N, C, H, W) float32.
        max_displacement, stride: pixels; r = max_displacement // stride, D = 2 * r + 1,
            dy = (iy - r) * stride, dx = (ix - r) * stride.
        reduction: "sum" over the channels, or their "mean".
        leaky_slope: slope of a LeakyReLU as the last step; None for none.

    Returns:
        (N, D * D, H, W) float32; exactly 0 where y + dy, x + dx is no pixel of b, whatever a holds.

    Raises:
        InputError: dtype, shape or attribute is not one of these.
    """
    options = at.Correlation(max_displacement, stride, reduction, leaky_slope)
    return _call(
        _core.correlation,
        _ready("correlation", "a", a),
        _ready("correlation", "b", b),
        max_displacement=options.max_displacement,
        stride=options.stride,
        reduction=options.reduction,
        leaky_slope=options.leaky_slope,
    )


def warp(
    x: Array, flow: Array, *, padding: str = "border", align_corners: bool = True, mask: bool = False
) -> FloatArray:
    """out[n, c, row, col] = x[n, c] at (col + u, row + v), bilinear; see ops.reference.

    Args:
        x: (N, C, H, W) float32.
        flow: (N, 2, H, W) float32, u then v, pixels. Infinite and huge values are outside; NaN gives NaN.
        padding: "border" repeats the edge, "zeros" counts pixels outside as 0.
        align_corners: False samples at (col + u) * W / (W - 1) - 0.5 instead, rows likewise.
        mask: 0 where no more than 0.9999 of the point's weight lies inside.

    Returns:
        (N, C, H, W) float32.

    Raises:
        InputError: dtype, shape or attribute is not one of these.
    """
    options = at.Warp(padding, align_corners, mask)
    return _call(
        _core.warp,
        _ready("warp", "x", x),
        _ready("warp", "flow", flow),
        padding=options.padding,
        align_corners=options.align_corners,
        mask=options.mask,
    )


def resize(
    x: Array,
    *,
    scale: at.Pair | None = None,
    size: at.Pair | None = None,
    mode: str = "bilinear",
    align_corners: bool = False,
) -> FloatArray:
    """To `scale` times the size or to `size`, as torch.nn.functional.interpolate; see ops.reference.

    Args:
        x: (N, C, H, W) float32.
        scale, size: (rows, columns); exactly one of the two.
        mode: "bilinear", or "nearest": the source is floor(position * in / out).
        align_corners: for "bilinear" only; the corner pixels keep their values.

    Returns:
        (N, C, rows, columns) float32.

    Raises:
        InputError: dtype, shape or attribute is not one of these.
    """
    options = at.Resize(scale, size, mode, align_corners)
    x = _ready("resize", "x", x)
    if options.size is not None:
        rows, columns = options.size
    else:
        assert options.scale is not None  # the attributes hold exactly one of the two
        rows, columns = (n * times for n, times in zip(x.shape[2:], options.scale, strict=True))
    return _call(_core.resize, x, size=(rows, columns), mode=options.mode, align_corners=options.align_corners)


def channel_norm(x: Array) -> FloatArray:
    """out[n, 0, y, x] = sqrt(sum over c of x[n, c, y, x] ** 2): (N, C, H, W) float32 -> (N, 1, H, W).

    Raises:
        InputError: x is not such an array.
    """
    return _call(_core.channel_norm, _ready("channel_norm", "x", x))


def conv2d(
    x: Array,
    *,
    weight: Array,
    bias: Array | None = None,
    stride: at.Pair = (1, 1),
    padding: at.Pair = (0, 0),
    leaky_slope: float | None = None,
    isa: str | None = None,
) -> FloatArray:
    """The engine's convolution; see ops.reference. Not in KERNELS: it packs the weights anew in every call.

    Args:
        x: (N, Ci, H, W) float32.
        weight: (Co, Ci, Kh, Kw) float32.
        bias: (Co,) float32.
        stride, padding: rows, columns.
        leaky_slope: slope of a LeakyReLU as the last step; None for none.
        isa: the direct algorithm on that instruction set (see runtime.list_isas); None for what the engine takes.

    Returns:
        (N, Co, Ho, Wo) float32.

    Raises:
        InputError: dtype, shape or attribute is not one of these.
    """
    return _convolve("conv2d", x, weight, bias, at.Conv2d(stride, padding, leaky_slope), isa)


def conv_transpose2d(
    x: Array,
    *,
    weight: Array,
    bias: Array | None = None,
    stride: at.Pair = (1, 1),
    padding: at.Pair = (0, 0),
    leaky_slope: float | None = None,
    isa: str | None = None,
) -> FloatArray:
    """The engine's transposed convolution: as conv2d, but weight is (Ci, Co, Kh, Kw); see ops.reference."""
    return _convolve("conv_transpose2d", x, weight, bias, at.ConvTranspose2d(stride, padding, leaky_slope), isa)


KERNELS: dict[str, Callable[..., FloatArray]] = {
    "channel_norm": channel_norm,
    "correlation": correlation,
    "resize": resize,
    "warp": warp,
}
"""Operator stem -> its function here."""


def _convolve(
    op: str, x: Array, weight: Array, bias: Array | None, options: at.Conv2d | at.ConvTranspose2d, isa: str | None
) -> FloatArray:
    return _call(
        _core.convolve,
        _ready(op, "x", x),
        weight=_ready(op, "weight", weight),
        bias=None if bias is None else _ready(op, "bias", bias.reshape(1, -1, 1, 1)),
        stride=options.stride,
        padding=options.padding,
        leaky_slope=options.leaky_slope,
        transposed=op == "conv_transpose2d",
        isa=isa,
    )


def _ready(op: str, name: str, array: Array) -> FloatArray:
    """The array as the compiled module takes it, copied only if its layout demands it."""
    if not isinstance(array, np.ndarray):
        raise InputError(f"{op}: {name} must be a NumPy array, got {type(array).__name__}")
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{op}: {name} is a masked array; fill it first, for example with {name}.filled(0)")
    if not supports(array):
        raise InputError(f"{op}: {name} must be float32, got {array.dtype}; convert it with astype")
    if array.ndim != 4:
        raise InputError(f"{op}: {name} must be (N, C, H, W), got shape {array.shape}")
    return np.require(array, np.float32, ["C_CONTIGUOUS", "ALIGNED"])


def _call(function: Callable[..., FloatArray], *arguments: object, **attributes: object) -> FloatArray:
    """The compiled function, its ValueError as this package's."""
    with compiled_errors():
        return function(*arguments, **attributes)
