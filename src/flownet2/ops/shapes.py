# SPDX-License-Identifier: Apache-2.0
"""Shape rule of each operator: (attributes, input shapes, parameter shapes) -> output shape, or InputError.

These are also the argument checks of the eager functions, so their messages name what a caller passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flownet2.errors import InputError
from flownet2.ops import attributes as at
from flownet2.types import Shape

Parameters = Mapping[str, tuple[int, ...]]


def same(_attributes: object, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """The shape of the one input."""
    return inputs[0]


def conv2d(attributes: at.Conv2d, inputs: Sequence[Shape], parameters: Parameters) -> Shape:
    """weight (Co, Ci, Kh, Kw); out = (in + 2 * padding - kernel) // stride + 1."""
    n, c, *size = inputs[0]
    co, ci, *kernel = _weight("conv2d", "(Co, Ci, Kh, Kw)", parameters)
    _channels("conv2d", "weight.shape[1]", ci, c)
    _bias("conv2d", parameters, co)
    out = [
        (s + 2 * p - k) // t + 1 for s, p, k, t in zip(size, attributes.padding, kernel, attributes.stride, strict=True)
    ]
    if min(out) < 1:
        raise InputError(
            f"conv2d: a {_by(kernel)} kernel does not fit into the input of {_by(size)} pixels "
            f"with padding {attributes.padding}"
        )
    return n, co, out[0], out[1]


def conv_transpose2d(attributes: at.ConvTranspose2d, inputs: Sequence[Shape], parameters: Parameters) -> Shape:
    """weight (Ci, Co, Kh, Kw); out = (in - 1) * stride - 2 * padding + kernel."""
    n, c, *size = inputs[0]
    ci, co, *kernel = _weight("conv_transpose2d", "(Ci, Co, Kh, Kw)", parameters)
    _channels("conv_transpose2d", "weight.shape[0]", ci, c)
    _bias("conv_transpose2d", parameters, co)
    out = [
        (s - 1) * t - 2 * p + k for s, p, k, t in zip(size, attributes.padding, kernel, attributes.stride, strict=True)
    ]
    if min(out) < 1:
        raise InputError(f"conv_transpose2d: padding {attributes.padding} leaves nothing of the output")
    return n, co, out[0], out[1]


def correlation(attributes: at.Correlation, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """a and b of one shape; one output channel per displacement."""
    if inputs[0] != inputs[1]:
        raise InputError(f"correlation: b must have the shape of a, {inputs[0]}, got {inputs[1]}")
    n, _, h, w = inputs[0]
    return n, (2 * attributes.radius + 1) ** 2, h, w


def warp(_attributes: at.Warp, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """x (N, C, H, W) and flow (N, 2, H, W)."""
    n, _, h, w = inputs[0]
    if inputs[1] != (n, 2, h, w):
        raise InputError(f"warp: flow must be (N, 2, H, W) = {(n, 2, h, w)}, got {inputs[1]}")
    return inputs[0]


def channel_norm(_attributes: at.ChannelNorm, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """One channel."""
    n, _, h, w = inputs[0]
    return n, 1, h, w


def resize(attributes: at.Resize, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """The given size, or the given multiple of the input's."""
    n, c, h, w = inputs[0]
    if attributes.size is not None:
        return n, c, *attributes.size
    assert attributes.scale is not None  # attributes hold exactly one of the two
    return n, c, h * attributes.scale[0], w * attributes.scale[1]


def concat(_attributes: at.Concat, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """The sum of the channels; everything else equal."""
    n, _, h, w = inputs[0]
    for index, shape in enumerate(inputs):
        if (shape[0], shape[2], shape[3]) != (n, h, w):
            raise InputError(f"concat: all inputs must share N, H, W = {(n, h, w)}; input {index} has shape {shape}")
    return n, sum(shape[1] for shape in inputs), h, w


def elementwise(attributes: at.Elementwise, inputs: Sequence[Shape], _parameters: Parameters) -> Shape:
    """Two inputs of one shape, or one to scale."""
    wanted = 1 if attributes.kind == "scale" else 2
    if len(inputs) != wanted:
        raise InputError(f'elementwise: kind "{attributes.kind}" takes {wanted} input(s), got {len(inputs)}')
    if inputs[0] != inputs[-1]:
        raise InputError(f"elementwise: both inputs must have one shape, got {inputs[0]} and {inputs[1]}")
    return inputs[0]


def _weight(op: str, layout: str, parameters: Parameters) -> tuple[int, ...]:
    shape = parameters["weight"]
    if len(shape) != 4 or min(shape) < 1:
        raise InputError(f"{op}: weight must be {layout}, got shape {shape}")
    return shape


def _channels(op: str, where: str, expected: int, got: int) -> None:
    if expected != got:
        raise InputError(f"{op}: the input has {got} channels, {where} says {expected}")


def _bias(op: str, parameters: Parameters, co: int) -> None:
    if "bias" in parameters and parameters["bias"] != (co,):
        raise InputError(f"{op}: bias must be ({co},), one value per output channel, got {parameters['bias']}")


def _by(size: Sequence[int]) -> str:
    return "x".join(map(str, size))
