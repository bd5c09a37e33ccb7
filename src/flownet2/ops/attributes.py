# SPDX-License-Identifier: Apache-2.0
"""Attributes of each operator: frozen dataclasses, checked on construction.

A field is an int, a float, a bool, a string out of a short list, or a pair (rows, columns). The graph text holds the
same names, so an unknown or misspelt attribute is an error, never ignored.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from flownet2.errors import InputError

Pair = tuple[int, int]

LEAKY_SLOPE = 0.1
"""Slope of every LeakyReLU in the FlowNet family (Caffe `negative_slope: 0.1`, mmflow `LeakyReLU(0.1)`)."""


@dataclass(frozen=True)
class Conv2d:
    """Cross-correlation with zero padding, then optionally LeakyReLU (Caffe `Convolution`, torch `Conv2d`)."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    leaky_slope: float | None = None

    def __post_init__(self) -> None:
        _pair("stride", self.stride, least=1)
        _pair("padding", self.padding, least=0)
        _number("leaky_slope", self.leaky_slope, optional=True)


@dataclass(frozen=True)
class ConvTranspose2d(Conv2d):
    """Transposed convolution (Caffe `Deconvolution`, torch `ConvTranspose2d`), then optionally LeakyReLU."""


@dataclass(frozen=True)
class LeakyRelu:
    """x where x > 0, slope * x elsewhere."""

    slope: float = LEAKY_SLOPE

    def __post_init__(self) -> None:
        _number("slope", self.slope)


@dataclass(frozen=True)
class Correlation:
    """Products of a's pixels with b's, displaced by up to max_displacement pixels in steps of stride.

    reduction: "sum" over the channels (mmflow) or their "mean" (Caffe, NVIDIA).
    """

    max_displacement: int = 20
    stride: int = 2
    reduction: str = "sum"
    leaky_slope: float | None = None

    def __post_init__(self) -> None:
        _integer("max_displacement", self.max_displacement, least=0)
        _integer("stride", self.stride, least=1)
        _choice("reduction", self.reduction, ("sum", "mean"))
        _number("leaky_slope", self.leaky_slope, optional=True)

    @property
    def radius(self) -> int:
        """Displacements to each side, in steps of stride."""
        return self.max_displacement // self.stride


@dataclass(frozen=True)
class Warp:
    """Bilinear sampling of x at (column + u, row + v).

    padding: "border" repeats the edge; "zeros" counts pixels outside as 0; "cut" gives 0 where the sample point lies
        outside of 0 <= x < W, 0 <= y < H, and is "border" elsewhere (Caffe `FlowWarp`).
    align_corners: True samples at x + u; False at (x + u) * W / (W - 1) - 0.5, which is what mmflow's
        Warp(align_corners=False) computes through grid_sample.
    mask: multiply by 1 where the sample point lies inside (more than 0.9999 of its weight), by 0 elsewhere.
    """

    padding: str = "border"
    align_corners: bool = True
    mask: bool = False

    def __post_init__(self) -> None:
        _choice("padding", self.padding, ("border", "zeros", "cut"))
        _boolean("align_corners", self.align_corners)
        _boolean("mask", self.mask)


@dataclass(frozen=True)
class ChannelNorm:
    """Square root of the sum of squares over the channels, without epsilon."""


@dataclass(frozen=True)
class Resize:
    """To `scale` times the size, or to `size` (rows, columns); exactly one of the two is given.

    mode: "bilinear" or "nearest"; align_corners as in torch.nn.functional.interpolate, for bilinear only.
    """

    scale: Pair | None = None
    size: Pair | None = None
    mode: str = "bilinear"
    align_corners: bool = False

    def __post_init__(self) -> None:
        if (self.scale is None) == (self.size is None):
            raise InputError(f"resize: give either scale or size, got scale={self.scale}, size={self.size}")
        _pair("scale", self.scale if self.scale is not None else (1, 1), least=1)
        _pair("size", self.size if self.size is not None else (1, 1), least=1)
        _choice("mode", self.mode, ("bilinear", "nearest"))
        _boolean("align_corners", self.align_corners)
        if self.align_corners and self.mode == "nearest":
            raise InputError('resize: align_corners has no meaning for mode "nearest"; leave it False')


@dataclass(frozen=True)
class Concat:
    """Joins its inputs along the channels, in their order."""


@dataclass(frozen=True)
class Elementwise:
    """kind "add", "sub" or "mul" of two inputs of one shape, or "scale": one input times factor."""

    kind: str = "scale"
    factor: float = 1.0

    def __post_init__(self) -> None:
        _choice("kind", self.kind, ("add", "sub", "mul", "scale"))
        _number("factor", self.factor)
        if self.kind != "scale" and self.factor != 1.0:
            raise InputError(f'elementwise: factor belongs to kind "scale", got it with "{self.kind}"')


def _integer(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise InputError(f"{name} must be an integer of at least {least}, got {value!r}")


def _pair(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, tuple) or len(value) != 2:
        raise InputError(f"{name} must be a pair (rows, columns), got {value!r}")
    for item in value:
        _integer(name, item, least=least)


def _number(name: str, value: object, *, optional: bool = False) -> None:
    if optional and value is None:
        return
    # The comparison also turns away NaN, and an integer that no float can hold.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        return
    raise InputError(f"{name} must be a finite number{' or None' if optional else ''}, got {value!r:.60}")


def _boolean(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false, got {value!r}")


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
