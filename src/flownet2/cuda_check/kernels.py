# SPDX-License-Identifier: Apache-2.0
"""The kernels that are no convolutions of an engine: small random cases beside the definitions in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from flownet2.bfloat16 import bfloat16_to_float32
from flownet2.cuda_check.report import Difference, Job
from flownet2.executors.cuda import Device
from flownet2.executors.cuda.storage import storage, stored
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.preprocess import Preprocess
from flownet2.types import Array

NUMBERS = ("float32", "float16", "bfloat16")
HALF_STEP = {"float32": 0.0, "float16": 2.0**-11, "uint16": 2.0**-8}
"""dtype -> what rounding to it is off, at most, as a share of the value; uint16 is bfloat16's bits."""

SUMS = 1e-5
"""What sums in float32 may be off, as a share of the largest result; as in the tests of the CPU's kernels."""

_SLOPE = 0.1
_PIXELS = (2, 9, 13)
_QUARTER = (2, 3, 9)
_PICTURES = (2, 12, 36)

Compute = Callable[[Device, str], tuple[Array, Array]]
"""(device, element type) -> memory that the kernel has written, and what is right, in float64."""


def jobs(device: Device) -> list[Job[Difference]]:
    """All kernels with all element types that networks give them."""
    cases = [*_correlations(), *_pointwise(), *_between_networks()]
    return [
        Job(partial(_compared, device, name, number, compute), partial(_failed, name, number))
        for name, numbers, compute in cases
        for number in numbers
    ]


def difference(title: tuple[str, str, str], got: Array, expected: Array, allowed: Array) -> Difference:
    """Of results that are no flow; title: name, precision, engine."""
    if not np.isfinite(got).all():
        return Difference(*title, error=not_finite(got))
    off, largest = np.abs(got - expected), np.abs(expected).max()
    return Difference(*title, float(off.max() / largest), float(off.mean() / largest), float((off / allowed).max()))


def not_finite(got: Array) -> str:
    """What is said of results that no difference can be taken of; JSON has no NaN."""
    return f"{np.count_nonzero(~np.isfinite(got))} of {got.size} values are NaN or infinite"


def values_of(memory: Array) -> Array:
    """Memory of an element type as float64; bfloat16 is its bits."""
    values: Array = bfloat16_to_float32(memory) if memory.dtype == np.uint16 else memory
    return values.astype(np.float64)


def _failed(name: str, number: str, error: str) -> Difference:
    return Difference(name, number, error=error)


def _compared(device: Device, name: str, number: str, compute: Compute) -> Difference:
    with device.scope():
        memory, expected = compute(device, number)
    allowed = HALF_STEP[memory.dtype.name] * np.abs(expected) + SUMS * np.abs(expected).max()
    return difference((name, number, ""), values_of(memory), expected, allowed)


Case = tuple[str, Sequence[str], Compute]


def _normal(shape: tuple[int, ...], number: str = "float32", scale: float = 1.0) -> Array:
    values = np.random.default_rng(shape).standard_normal(shape, np.float32) * np.float32(scale)
    return stored(values, number)


def _planar(memory: Array) -> Array:
    values: Array = values_of(memory).transpose(0, 3, 1, 2)
    return values


def _nhwc(planar: Array) -> Array:
    values: Array = planar.transpose(0, 2, 3, 1)
    return values


def _reference(op: str, attributes: Any, *inputs: Array, **parameters: Array) -> Array:
    """On (N, C, H, W) float64."""
    return run_operator(op, attributes, inputs, parameters, reference=True)


# ---- correlation


def _correlation(
    kernel: str, size: tuple[int, int, int], rule: at.Correlation, device: Device, number: str
) -> tuple[Array, Array]:
    """size: rows, columns, channels."""
    channels = size[2]
    a = _normal((1, *size), number)
    b = np.ascontiguousarray(np.roll(a, (1, 2), axis=(1, 2)))
    out = device.zeros((*a.shape[:3], (2 * rule.radius + 1) ** 2), storage(number))
    device.launch(
        "correlate",
        device.asarray(a),
        device.asarray(b),
        out,
        max_displacement=rule.max_displacement,
        stride=rule.stride,
        scale=1 / channels,
        leaky_slope=rule.leaky_slope,
        kernel=kernel,
    )
    expected = _reference("correlation", rule, _planar(a), _planar(b))
    return device.to_host(out), _nhwc(expected)


def _correlations() -> Iterator[Case]:
    published, other = at.Correlation(20, 2, "mean", _SLOPE), at.Correlation(4, 1, "mean", _SLOPE)
    yield "correlate, simt", ("float32",), partial(_correlation, "simt", (23, 43, 32), published)
    for channels in (96, 256):
        yield (
            f"correlate, mma, {channels} channels",
            NUMBERS[1:],
            partial(_correlation, "mma", (7, 43, channels), published),
        )
    yield "correlate, plain", NUMBERS, partial(_correlation, "plain", (11, 18, 21), other)


# ---- pointwise: operators on tensors (N, H, W, C), seen as (N, C, H, W)

Arguments = Callable[..., tuple[Any, ...]]
"""Inputs and output -> what the kernel takes."""


def _operator(
    kernel: str,
    attributes: Any,
    inputs: Sequence[Callable[[str], Array]],
    arguments: Arguments,
    options: Mapping[str, Any],
    device: Device,
    number: str,
) -> tuple[Array, Array]:
    memory = [make(number) for make in inputs]
    op = "leaky_relu" if isinstance(attributes, at.LeakyRelu) else kernel
    expected = _nhwc(_reference(op, attributes, *(_planar(x) for x in memory)))
    out = device.zeros(expected.shape, storage(number))
    planar = [array.transpose(0, 3, 1, 2) for array in (*map(device.asarray, memory), out)]
    device.launch(kernel, *arguments(*planar), **options)
    return device.to_host(out), expected


def _pointwise() -> Iterator[Case]:
    def plain(*arrays: Any) -> tuple[Any, ...]:
        return arrays

    def one(number: str) -> Array:
        return _normal((*_PIXELS, 6), number)

    def other(number: str) -> Array:
        return np.ascontiguousarray(_normal((*_PIXELS, 6), number, 2.0)[::-1])

    def flow(_number: str) -> Array:
        return _normal((*_PIXELS, 2), "float32", 4.0)

    for padding, corners in (("border", True), ("zeros", True), ("border", False)):
        options = {"padding": padding, "align_corners": corners, "mask": False}
        kind = f"warp, {padding}{'' if corners else ', corners not aligned'}"
        yield kind, NUMBERS, partial(_operator, "warp", at.Warp(padding, corners), (one, flow), plain, options)
    for mode, corners in (("bilinear", False), ("bilinear", True), ("nearest", False)):
        rule = at.Resize(scale=(4, 4), mode=mode, align_corners=corners)
        options = {"mode": mode, "align_corners": corners}
        kind = f"resize, {mode}{', corners aligned' if corners else ''}"
        yield kind, NUMBERS, partial(_operator, "resize", rule, (one,), plain, options)
    yield "channel_norm", NUMBERS, partial(_operator, "channel_norm", at.ChannelNorm(), (one,), plain, {})
    for kind in ("add", "sub", "mul"):
        run = partial(_operator, "elementwise", at.Elementwise(kind), (one, other), partial(_named, kind), {})
        yield f"elementwise, {kind}", NUMBERS, run
    scale = partial(_operator, "elementwise", at.Elementwise("scale", 20.0), (one,), _scaled, {"factor": 20.0})
    yield "elementwise, scale", NUMBERS, scale
    leaky = partial(_operator, "elementwise", at.LeakyRelu(_SLOPE), (one,), _scaled, {"leaky_slope": _SLOPE})
    yield "leaky_relu", NUMBERS, leaky


def _named(kind: str, a: Any, b: Any, out: Any) -> tuple[Any, ...]:
    return kind, a, b, out


def _scaled(a: Any, out: Any) -> tuple[Any, ...]:
    return "scale", a, None, out


# ---- flow


def _head(device: Device, number: str) -> tuple[Array, Array]:
    """conv2d to two channels; its weights have channels up to a multiple of 8."""
    x, weight, bias = _normal((*_PIXELS, 82), number), _normal((2, 82, 3, 3)), _normal((2,))
    taps = np.pad(weight.transpose(0, 2, 3, 1), ((0, 0), (0, 0), (0, 0), (0, 6)))
    out = device.zeros((*_PIXELS, 2), "float32")
    arrays = [device.asarray(np.ascontiguousarray(value)) for value in (x, taps, bias)]
    device.launch("flow_head", *arrays, out, stride=1, padding=1, leaky_slope=None)
    rule = at.Conv2d((1, 1), (1, 1))
    return device.to_host(out), _convolved("conv2d", rule, x, weight, bias)


def _up(device: Device, number: str) -> tuple[Array, Array]:
    """conv_transpose2d from two channels to two; into the features' type, among which they are put."""
    x, weight, bias = _normal((*_PIXELS, 2)), _normal((2, 2, 4, 4)), _normal((2,))
    n, h, w = _PIXELS
    out = device.zeros((n, 2 * h, 2 * w, 2), storage(number))
    device.launch("flow_up", *map(device.asarray, (x, weight, bias)), out, stride=2, padding=1, leaky_slope=None)
    return device.to_host(out), _convolved("conv_transpose2d", at.ConvTranspose2d((2, 2), (1, 1)), x, weight, bias)


def _convolved(op: str, rule: Any, x: Array, weight: Array, bias: Array) -> Array:
    values = {"weight": weight.astype(np.float64), "bias": bias.astype(np.float64)}
    return _nhwc(_reference(op, rule, _planar(x), **values))


def _finished(sums: Array, bias: Array) -> Array:
    value = sums.astype(np.float64) + bias
    return np.where(value > 0, value, _SLOPE * value)


def _epilogue(device: Device, number: str) -> tuple[Array, Array]:
    sums, bias = _normal((18, 13, 24)), _normal((24,))
    out = device.zeros(sums.shape, storage(number))
    device.launch("epilogue", device.asarray(sums), device.asarray(bias), out, leaky_slope=_SLOPE)
    return device.to_host(out), _finished(sums, bias)


def _scatter(filled: int, device: Device, number: str) -> tuple[Array, Array]:
    """filled: channels of a phase of the sums, of which 20 are real."""
    (n, h, w), sums, bias = _PIXELS, _normal((2 * 10, 14, 4 * filled)), _normal((20,))
    out = device.zeros((n, 2 * h, 2 * w, 20), storage(number))
    device.launch("scatter", device.asarray(sums), device.asarray(bias), out, leaky_slope=_SLOPE)
    grid = sums.reshape(n, h + 1, w + 1, 2, 2, filled)[..., :20]
    pixels = grid.transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * h + 2, 2 * w + 2, 20)
    return device.to_host(out), _finished(pixels[:, 1:-1, 1:-1], bias)


# ---- between networks


def _bytes() -> Array:
    return np.random.default_rng(3).integers(0, 256, (2, *_PICTURES, 3), np.uint8)


def _pack(device: Device, number: str) -> tuple[Array, Array]:
    preprocess = Preprocess("bgr", (0.45, 0.432, 0.411))
    pictures = _bytes()
    out = device.zeros((*_PICTURES, 8), storage(number))
    device.launch("pack", *map(device.asarray, pictures), out, reversed=True, mean=preprocess.mean)
    expected = np.zeros(out.shape)
    for first, picture in zip((0, 4), pictures, strict=True):
        expected[..., first : first + 3] = preprocess.tensor(picture, "rgb").transpose(0, 2, 3, 1)
    return device.to_host(out), expected


def _pair(number: str) -> Array:
    pair = np.zeros((*_PICTURES, 8), np.float32)
    pair[..., :3], pair[..., 4:7] = _bytes() / np.float32(255)
    return stored(pair, number)


def _raw_flow(seed: float) -> Array:
    return _normal((*_QUARTER, 2), scale=0.15 * seed)


def _warped(pair: Array, flow: Array) -> tuple[Array, Array]:
    """The second picture by a flow in pixels, and the length of its difference to the first."""
    first, second = pair[:, :3], pair[:, 4:7]
    warped = _reference("warp", at.Warp(), second, flow)
    return warped, _reference("channel_norm", at.ChannelNorm(), first - warped)


def _filled(parts: Sequence[Array]) -> Array:
    """16 channels, the last of them zeros."""
    joined = np.concatenate(parts, axis=1)
    return _nhwc(np.pad(joined, ((0, 0), (0, 16 - joined.shape[1]), (0, 0), (0, 0))))


def _link(device: Device, number: str) -> tuple[Array, Array]:
    pair, raw = _pair(number), _raw_flow(1.0)
    out = device.zeros((*_PICTURES, 16), storage(number))
    options = {"factor": 20.0, "padding": "border", "align_corners": False}
    device.launch("link", device.asarray(pair), device.asarray(raw), out, **options)
    planar = _planar(pair)
    flow = _reference("resize", at.Resize(scale=(4, 4)), _planar(raw))
    warped, error = _warped(planar, 20.0 * flow)
    return device.to_host(out), _filled((planar[:, :3], planar[:, 4:7], warped, flow, error))


def _fusion_link(device: Device, number: str) -> tuple[Array, Array]:
    pair, raw, factors = _pair(number), (_raw_flow(1.0), _raw_flow(-0.5)), (5.0, 20.0)
    out = device.zeros((*_PICTURES, 16), storage(number))
    device.launch("fusion_link", *map(device.asarray, (pair, *raw)), out, factors=factors, padding="border")
    planar, enlarge = _planar(pair), at.Resize(scale=(4, 4), mode="nearest")
    flows = [factor * _reference("resize", enlarge, _planar(x)) for factor, x in zip(factors, raw, strict=True)]
    lengths = [_reference("channel_norm", at.ChannelNorm(), flow) for flow in flows]
    errors = [_warped(planar, flow)[1] for flow in flows]
    return device.to_host(out), _filled((planar[:, :3], *flows, *lengths, *errors))


def _between_networks() -> Iterator[Case]:
    yield "flow_head", NUMBERS, _head
    yield "flow_up", NUMBERS, _up
    yield "epilogue", NUMBERS, _epilogue
    yield "scatter", NUMBERS, partial(_scatter, 24)
    yield "scatter, not aligned", NUMBERS, partial(_scatter, 21)
    yield "pack", NUMBERS, _pack
    yield "link", NUMBERS, _link
    yield "fusion_link", NUMBERS, _fusion_link
