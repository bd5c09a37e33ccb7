# SPDX-License-Identifier: Apache-2.0
"""The operators as plain functions on arrays, usable without any network.

Every array is (N, C, H, W), float32 or float64, the same dtype for all arguments; float32 runs the compiled kernels
where there are any. NaN and Inf pass through as in NumPy.

Example:
    >>> import numpy as np
    >>> from flownet2 import ops
    >>> features = np.ones((1, 8, 16, 24), np.float32)
    >>> ops.correlation(features, features, max_displacement=4, stride=1).shape
    (1, 81, 16, 24)
"""

from __future__ import annotations

import numpy as np

from flownet2.errors import InputError
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.ops.spec import OPS
from flownet2.types import Array

__all__ = [
    "channel_norm",
    "concat",
    "conv2d",
    "conv_transpose2d",
    "correlation",
    "elementwise",
    "leaky_relu",
    "resize",
    "warp",
]


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int | at.Pair = 1,
    padding: int | at.Pair = 0,
    leaky_slope: float | None = None,
) -> Array:
    """Cross-correlation with zero padding, bias and optional LeakyReLU (torch `conv2d`, Caffe `Convolution`).

    Args:
        x: (N, Ci, H, W).
        weight: (Co, Ci, Kh, Kw).
        bias: (Co,) or None.
        stride: one number, or (rows, columns).
        padding: zeros added on each side, one number or (rows, columns).
        leaky_slope: slope of the LeakyReLU that follows; None for none.

    Returns:
        (N, Co, (H + 2 * padding - Kh) // stride + 1, the same for W).

    Raises:
        InputError: shapes or dtypes do not fit.
    """
    attributes = at.Conv2d(_pair(stride), _pair(padding), leaky_slope)
    return _run("conv2d", attributes, {"x": x}, {"weight": weight, "bias": bias})


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int | at.Pair = 1,
    padding: int | at.Pair = 0,
    leaky_slope: float | None = None,
) -> Array:
    """Transposed convolution, bias and optional LeakyReLU (torch `conv_transpose2d`, Caffe `Deconvolution`).

    Args:
        x: (N, Ci, H, W).
        weight: (Ci, Co, Kh, Kw).
        bias: (Co,) or None.
        stride: one number, or (rows, columns).
        padding: cut from each side of the result, one number or (rows, columns).
        leaky_slope: slope of the LeakyReLU that follows; None for none.

    Returns:
        (N, Co, (H - 1) * stride - 2 * padding + Kh, the same for W).

    Raises:
        InputError: shapes or dtypes do not fit.
    """
    attributes = at.ConvTranspose2d(_pair(stride), _pair(padding), leaky_slope)
    return _run("conv_transpose2d", attributes, {"x": x}, {"weight": weight, "bias": bias})


def leaky_relu(x: Array, *, slope: float = at.LEAKY_SLOPE) -> Array:
    """x where x > 0, slope * x elsewhere; any (N, C, H, W)."""
    return _run("leaky_relu", at.LeakyRelu(slope), {"x": x})


def correlation(
    a: Array,
    b: Array,
    *,
    max_displacement: int = 20,
    stride: int = 2,
    reduction: str = "sum",
    leaky_slope: float | None = None,
) -> Array:
    """Cost volume of two feature maps (FlowNetC's layer; mmcv `Correlation(kernel_size=1)`, Caffe `Correlation`).

    Args:
        a: (N, C, H, W), features of picture 1.
        b: the same shape, features of picture 2.
        max_displacement: farthest displacement, in pixels of these maps.
        stride: step between displacements, in pixels (mmcv `dilation_patch`, Caffe `stride_2`).
        reduction: "sum" over the channels (mmflow) or "mean" (Caffe, NVIDIA).
        leaky_slope: slope of the LeakyReLU that follows; None for none.

    Returns:
        (N, D * D, H, W) with D = 2 * (max_displacement // stride) + 1; channel iy * D + ix holds the product with b
        displaced by ((ix - D // 2) * stride, (iy - D // 2) * stride) pixels in x and y, zeros outside.

    Raises:
        InputError: shapes or dtypes do not fit.
    """
    return _run("correlation", at.Correlation(max_displacement, stride, reduction, leaky_slope), {"a": a, "b": b})


def warp(x: Array, flow: Array, *, padding: str = "border", align_corners: bool = True, mask: bool = False) -> Array:
    """Backward warping: samples x where the flow points to, bilinearly (mmflow/ops/warp.py, NVIDIA `Resample2d`).

    Args:
        x: (N, C, H, W), usually picture 2.
        flow: (N, 2, H, W), u then v in pixels of x.
        padding: "border" repeats the edge pixels; "zeros" counts everything outside as 0; "cut" gives 0 where the
            sample point lies outside of 0 <= x < W, 0 <= y < H, and is "border" elsewhere (Caffe `FlowWarp`).
        align_corners: True samples at (column + u, row + v). False at (column + u) * W / (W - 1) - 0.5, rows
            likewise: what mmflow's Warp(align_corners=False) computes through grid_sample.
        mask: set pixels to 0 whose sample point lies outside.

    Returns:
        (N, C, H, W).

    Raises:
        InputError: shapes or dtypes do not fit.
    """
    return _run("warp", at.Warp(padding, align_corners, mask), {"x": x, "flow": flow})


def channel_norm(x: Array) -> Array:
    """Length of the channel vector at every pixel: (N, C, H, W) -> (N, 1, H, W), without epsilon."""
    return _run("channel_norm", at.ChannelNorm(), {"x": x})


def resize(
    x: Array,
    *,
    scale: int | at.Pair | None = None,
    size: at.Pair | None = None,
    mode: str = "bilinear",
    align_corners: bool = False,
) -> Array:
    """Resampling as torch.nn.functional.interpolate; the values are not changed with the size.

    Args:
        x: (N, C, H, W).
        scale: whole multiple of the size, one number or (rows, columns); give this or size.
        size: (rows, columns) of the result.
        mode: "bilinear" or "nearest".
        align_corners: for "bilinear": corner pixels map to corner pixels.

    Returns:
        (N, C, rows, columns).

    Raises:
        InputError: both or neither of scale and size, an unknown mode, a size below 1.
    """
    attributes = at.Resize(None if scale is None else _pair(scale), size, mode, align_corners)
    return _run("resize", attributes, {"x": x})


def concat(*inputs: Array) -> Array:
    """Joins (N, C, H, W) arrays along the channels, in their order."""
    if not inputs:
        raise InputError("concat: give at least one array")
    return _run("concat", at.Concat(), {f"input {index}": value for index, value in enumerate(inputs)})


def elementwise(a: Array, b: Array | None = None, *, kind: str, factor: float = 1.0) -> Array:
    """kind "add", "sub", "mul" of two arrays of one shape (N, C, H, W), or "scale": a times factor."""
    inputs = {"a": a} if b is None else {"a": a, "b": b}
    return _run("elementwise", at.Elementwise(kind, factor), inputs)


def _pair(value: int | at.Pair) -> at.Pair:
    return value if isinstance(value, tuple) else (value, value)


def _run(
    op: str, attributes: object, inputs: dict[str, Array], parameters: dict[str, Array | None] | None = None
) -> Array:
    """Checks arrays and shapes, then runs the operator."""
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    dtype = _common_dtype(op, {**inputs, **given})
    arrays = [_map(op, name, value, dtype) for name, value in inputs.items()]
    weights = {name: np.asarray(value) for name, value in given.items()}
    shapes = {name: value.shape for name, value in weights.items()}
    OPS[op].infer_shape(attributes, [value.shape for value in arrays], shapes)
    return run_operator(op, attributes, arrays, weights)


def _common_dtype(op: str, arrays: dict[str, Array]) -> np.dtype[np.generic]:
    dtypes = {name: np.asarray(value).dtype for name, value in arrays.items()}
    first = next(iter(dtypes.values()))
    if first not in (np.float32, np.float64) or any(dtype != first for dtype in dtypes.values()):
        listed = ", ".join(f"{name} {dtype}" for name, dtype in dtypes.items())
        raise InputError(f"{op}: all arrays must be float32, or all float64; got {listed}; use .astype(np.float32)")
    return first


def _map(op: str, name: str, value: Array, dtype: np.dtype[np.generic]) -> Array:
    array = np.asarray(value, dtype)
    if array.ndim != 4 or 0 in array.shape:
        raise InputError(f"{op}: {name} must be (N, C, H, W) with no empty axis, got shape {array.shape}")
    return array
