# SPDX-License-Identifier: Apache-2.0
"""The compiled operators against stored PyTorch results and against plain float64 formulas."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flownet2 import _core, runtime
from flownet2.ops import kernels, reference

STORED = Path(__file__).parents[1] / "data" / "parity" / "operators.npz"
RTOL = 1e-5  # of the largest value
SIZES = [(1, 1, 1, 1), (1, 3, 1, 9), (2, 5, 11, 1), (2, 7, 13, 23), (1, 70, 6, 41)]


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def assert_close(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= RTOL * np.abs(expected).max()


# Stored results


def stored_cases() -> list[dict]:
    with np.load(STORED) as data:
        cases = json.loads(bytes(data["cases"]))
    return [case for case in cases if not case["op"].startswith("conv")]


def run_stored(case: dict, data: np.lib.npyio.NpzFile) -> np.ndarray:
    array = {name: data[f"{case['id']}:{name}"] for name in ("a", "b", "x", "flow") if f"{case['id']}:{name}" in data}
    if case["op"] == "correlation":
        step = case["dilation_patch"]
        return kernels.correlation(
            array["a"], array["b"], max_displacement=case["max_displacement"] * step, stride=step
        )
    if case["op"] == "warp":
        attributes = {name: case[name] for name in ("align_corners", "mask")}
        return kernels.warp(array["x"], array["flow"], padding=case["padding_mode"], **attributes)
    if case["op"] == "channel_norm":
        return kernels.channel_norm(array["x"])
    size = {"size": tuple(case["size"])} if "size" in case else {"scale": (case["scale"],) * 2}
    corners = case.get("align_corners", False)
    return kernels.resize(array["x"], **size, mode=case["mode"], align_corners=corners)


@pytest.mark.parametrize("case", stored_cases(), ids=lambda case: f"{case['id']}-{case['op']}")
def test_stored_torch_results(case: dict) -> None:
    with np.load(STORED) as data:
        assert_close(run_stored(case, data), data[f"{case['id']}:out"])


# Float64 formulas, written without the reference's shortcuts


def correlation_f64(a: np.ndarray, b: np.ndarray, radius: int, stride: int) -> np.ndarray:
    n, _, h, w = a.shape
    side = 2 * radius + 1
    out = np.zeros((n, side * side, h, w))
    for (k, y, x), i in itertools.product(np.ndindex(side * side, h, w), range(n)):
        row, column = y + (k // side - radius) * stride, x + (k % side - radius) * stride
        if 0 <= row < h and 0 <= column < w:
            out[i, k, y, x] = np.dot(a[i, :, y, x].astype(float), b[i, :, row, column].astype(float))
    return out


def warp_f64(x: np.ndarray, flow: np.ndarray, padding: str, align_corners: bool, mask: bool) -> np.ndarray:
    n, _, h, w = x.shape
    out = np.zeros(x.shape)
    for i, row, column in np.ndindex(n, h, w):
        u, v = flow[i, :, row, column].astype(float)
        px, py = column + u, row + v
        if align_corners:
            px, py = px if w > 1 else 0, py if h > 1 else 0
        else:
            px, py = px * w / max(w - 1, 1) - 0.5, py * h / max(h - 1, 1) - 0.5
        if padding == "cut" and not (0 <= px < w and 0 <= py < h):
            continue
        if padding != "zeros":
            px, py = min(max(px, 0), w - 1), min(max(py, 0), h - 1)
        share = 0.0
        for r, c in itertools.product((math.floor(py), math.floor(py) + 1), (math.floor(px), math.floor(px) + 1)):
            weight = (1 - abs(py - r)) * (1 - abs(px - c))
            if 0 <= r < h and 0 <= c < w:
                out[i, :, row, column] += weight * x[i, :, r, c].astype(float)
                share += weight
        if mask and share <= 0.9999:
            out[i, :, row, column] = 0
    return out


def resize_matrix(n_in: int, n_out: int, mode: str, align_corners: bool) -> np.ndarray:
    matrix = np.zeros((n_out, n_in))
    for i in range(n_out):
        if mode == "nearest":
            matrix[i, math.floor(i * n_in / n_out)] = 1
            continue
        at = i * (n_in - 1) / max(n_out - 1, 1) if align_corners else max((i + 0.5) * n_in / n_out - 0.5, 0)
        for j in range(n_in):
            matrix[i, j] = max(0.0, 1 - abs(min(at, n_in - 1) - j))
    return matrix


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize(("radius", "stride"), [(0, 1), (1, 1), (4, 1), (3, 2), (2, 5)])
def test_correlation_formula(shape: tuple[int, ...], radius: int, stride: int) -> None:
    a, b = normal(*shape), normal(*shape, seed=1)
    expected = correlation_f64(a, b, radius, stride)
    displacement = radius * stride + stride - 1  # rounds down to whole steps
    assert_close(kernels.correlation(a, b, max_displacement=displacement, stride=stride), expected)
    got = kernels.correlation(a, b, max_displacement=displacement, stride=stride, reduction="mean", leaky_slope=0.1)
    mean = expected / shape[1]
    assert_close(got, np.where(mean > 0, mean, 0.1 * mean))


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("padding", ["border", "zeros", "cut"])
@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("mask", [True, False])
def test_warp_formula(shape: tuple[int, ...], padding: str, align_corners: bool, mask: bool) -> None:
    x, flow = normal(*shape), normal(shape[0], 2, *shape[2:], seed=1, scale=3)
    flow[..., ::3] = np.round(flow[..., ::3])  # whole pixels: points on the picture's edge
    got = kernels.warp(x, flow, padding=padding, align_corners=align_corners, mask=mask)
    expected = warp_f64(x, flow, padding, align_corners, mask)
    assert np.abs(got - expected).max() <= RTOL * np.abs(x).max()


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (26, 5)], ids=str)
@pytest.mark.parametrize(("mode", "align_corners"), [("nearest", False), ("bilinear", False), ("bilinear", True)])
def test_resize_formula(shape: tuple[int, ...], size: tuple[int, int], mode: str, align_corners: bool) -> None:
    x = normal(*shape)
    rows, columns = (resize_matrix(i, o, mode, align_corners) for i, o in zip(shape[2:], size, strict=True))
    expected = np.einsum("yh,nchw,xw->ncyx", rows, x.astype(float), columns)
    assert_close(kernels.resize(x, size=size, mode=mode, align_corners=align_corners), expected)


@pytest.mark.parametrize("shape", [*SIZES, (1, 2, 70, 65)], ids=str)
def test_channel_norm_formula(shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    assert_close(kernels.channel_norm(x), np.linalg.norm(x.astype(float), axis=1)[:, None])


# Values that are not ordinary numbers


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("far", [1e9, 3e38, np.inf])
def test_far_flow_reads_the_edge_or_nothing(far: float, align_corners: bool) -> None:
    x = normal(1, 2, 5, 6)
    flow = np.full((1, 2, 5, 6), far, np.float32)
    flow[:, 1] *= -1  # to the upper right corner
    corner = np.broadcast_to(x[:, :, :1, -1:], x.shape)
    np.testing.assert_array_equal(kernels.warp(x, flow, align_corners=align_corners), corner)
    for padding, mask in itertools.product(("zeros", "cut"), (True, False)):
        got = kernels.warp(x, flow, padding=padding, align_corners=align_corners, mask=mask)
        np.testing.assert_array_equal(got, np.zeros_like(x))


@pytest.mark.parametrize("padding", ["border", "zeros", "cut"])
@pytest.mark.parametrize("mask", [True, False])
def test_nan_flow_gives_nan_there_only(padding: str, mask: bool) -> None:
    x, flow = normal(1, 3, 6, 7), normal(1, 2, 6, 7, seed=1)
    clean = kernels.warp(x, flow, padding=padding, mask=mask)
    flow[0, 0, 1, 2] = flow[0, 1, 4, 5] = flow[0, 0, 3, 3] = np.nan
    flow[0, 1, 3, 3] = 1e9
    expected = clean.copy()
    expected[0, :, [1, 4, 3], [2, 5, 3]] = np.nan
    np.testing.assert_array_equal(kernels.warp(x, flow, padding=padding, mask=mask), expected)


@pytest.mark.parametrize("padding", ["zeros", "cut"])
def test_padding_of_zeros_ignores_pixels_it_does_not_reach(padding: str) -> None:
    x, flow = np.full((1, 1, 4, 4), np.nan, np.float32), np.full((1, 2, 4, 4), -1e9, np.float32)
    np.testing.assert_array_equal(kernels.warp(x, flow, padding=padding), np.zeros_like(x))


def test_correlation_is_zero_outside_whatever_a_holds() -> None:
    a, b = np.full((1, 2, 3, 3), np.nan, np.float32), np.ones((1, 2, 3, 3), np.float32)
    out = kernels.correlation(a, b, max_displacement=1, stride=1).reshape(3, 3, 3, 3)
    outside = correlation_f64(np.ones_like(a), b, 1, 1).reshape(out.shape) == 0
    np.testing.assert_array_equal(np.where(outside, 0, np.nan), out)


# The same bits, however it is called


CALLS = {
    "correlation": lambda x, y: kernels.correlation(x, y, max_displacement=6, stride=2, leaky_slope=0.1),
    "warp": lambda x, y: kernels.warp(x, np.ascontiguousarray(y[:, :2]) * 5, padding="zeros", mask=True),
    "resize": lambda x, _: kernels.resize(x, scale=(3, 2)),
    "channel_norm": lambda x, _: kernels.channel_norm(x),
}


@pytest.mark.parametrize("op", CALLS)
def test_bits_do_not_depend_on_threads_or_batch(op: str) -> None:
    x, y = normal(3, 70, 37, 150), normal(3, 70, 37, 150, seed=1)
    runtime.set_num_threads(1)
    expected = CALLS[op](x, y)
    for threads in (2, 3, 7):
        runtime.set_num_threads(threads)
        np.testing.assert_array_equal(CALLS[op](x, y), expected)
    for i in range(3):
        np.testing.assert_array_equal(CALLS[op](x[i : i + 1], y[i : i + 1]), expected[i : i + 1])


def unaligned(x: np.ndarray) -> np.ndarray:
    raw = np.empty(x.nbytes + 1, np.uint8)
    view = raw[1:].view(np.float32).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def read_only(x: np.ndarray) -> np.ndarray:
    copy = x.copy()
    copy.setflags(write=False)
    return copy


LAYOUTS = {
    "fortran": np.asfortranarray,
    "reversed": lambda x: np.ascontiguousarray(x[:, ::-1, ::-1, ::-1])[:, ::-1, ::-1, ::-1],
    "step": lambda x: np.repeat(np.repeat(x, 2, axis=3), 3, axis=1)[:, ::3, :, ::2],
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "unaligned": unaligned,
    "read-only": read_only,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op", CALLS)
def test_any_layout(op: str, layout: str) -> None:
    x, y = normal(2, 3, 8, 9), normal(2, 3, 8, 9, seed=1)
    got = CALLS[op](LAYOUTS[layout](x), LAYOUTS[layout](y))
    np.testing.assert_array_equal(got, CALLS[op](x, y))


def test_broadcast_input() -> None:
    x = np.broadcast_to(np.float32(2), (1, 4, 3, 3))
    np.testing.assert_array_equal(kernels.channel_norm(x), np.full((1, 1, 3, 3), 4, np.float32))


def test_supports() -> None:
    x = normal(1, 1, 2, 2)
    assert kernels.supports(x, x)
    assert not kernels.supports(x, x.astype(np.float64))
    assert not kernels.supports(x.astype(">f4"))


def test_names_agree() -> None:
    assert set(kernels.KERNELS) <= set(_core.op_names())
    assert all(hasattr(reference, name) for name in kernels.KERNELS)
