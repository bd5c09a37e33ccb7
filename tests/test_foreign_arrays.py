# SPDX-License-Identifier: Apache-2.0
"""Pictures of another array library: they stay there, and the numbers are NumPy's to the bit."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import foreign_arrays
from flownet2.arrays import namespace
from flownet2.pictures import as_pictures
from flownet2.preprocess import SIZE_RULES, Preprocess, SizeFit
from flownet2.resampling import resize_flow, resize_picture

MEAN = (0.45, 0.432, 0.411)
RNG = np.random.default_rng(7)
SIZES = [(64, 128), (64, 100), (100, 64), (67, 129), (200, 70)]


def pictures(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype == "float32":
        return RNG.random(shape, np.float32)
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def same(got: Any, expected: np.ndarray) -> None:
    """Of the foreign library, and equal in shape, dtype and every bit."""
    assert type(got) is foreign_arrays.ndarray
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    assert got.get().tobytes() == expected.tobytes()


def prepared(value: Any, rule: str, preprocess: Preprocess, order: str) -> Any:
    """What the network gets of an argument, as FlowEstimator calls it."""
    batch, _ = as_pictures("image1", value, foreign_arrays)
    fit = SizeFit(rule, batch.shape[1], batch.shape[2], 64)
    return preprocess.tensor(fit.forward(batch), order)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("rule", SIZE_RULES)
@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), MEAN])
def test_pictures(size: tuple[int, int], dtype: str, rule: str, order: str, mean: tuple[float, float, float]) -> None:
    preprocess = Preprocess("bgr", mean)
    for shape in ((*size, 3), size, (2, *size, 3)):
        value = pictures(shape, dtype)
        got = prepared(foreign_arrays.asarray(value), rule, preprocess, order)
        same(got, prepared(value, rule, preprocess, order))
        assert got.flags.c_contiguous


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("rule", SIZE_RULES)
@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess("rgb", mean_rule="pair"),
        Preprocess("bgr", mean_rule="picture", resampling="corners"),
        Preprocess("bgr", MEAN, second_mean=(0.3, 0.4, 0.5), resampling="lmb"),
    ],
)
def test_means_of_the_pictures(preprocess: Preprocess, rule: str, dtype: str) -> None:
    first, second = pictures((2, 70, 100, 3), dtype), pictures((2, 70, 100, 3), dtype)
    fit = preprocess.fit(rule, 70, 100, 64)
    expected = preprocess.inputs(first, second, "rgb", fit)
    got = preprocess.inputs(foreign_arrays.asarray(first), foreign_arrays.asarray(second), "rgb", fit)
    for one, other in zip(got, expected, strict=True):
        same(one, other)
    flow = RNG.normal(size=(2, *fit.network_size, 2)).astype(np.float32)
    same(fit.backward(foreign_arrays.asarray(flow)), fit.backward(flow))


def test_views() -> None:
    """Planar, a crop, upside down."""
    planar = pictures((2, 3, 67, 100), "uint8")
    views: list[Callable[[Any], Any]] = [
        lambda p: p.transpose(0, 2, 3, 1),
        lambda p: p.transpose(0, 2, 3, 1)[:, 2:, 5:],
        lambda p: p.transpose(0, 2, 3, 1)[:, ::-1],
    ]
    for view in views:
        expected = prepared(view(planar), "resize", Preprocess(), "rgb")
        same(prepared(view(foreign_arrays.asarray(planar)), "resize", Preprocess(), "rgb"), expected)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("rule", SIZE_RULES)
@pytest.mark.parametrize("count", [1, 3])
def test_the_way_back_of_the_flow(size: tuple[int, int], rule: str, count: int) -> None:
    fit = SizeFit(rule, *size, 64)
    flow = RNG.normal(size=(count, *fit.network_size, 2)).astype(np.float32)
    same(fit.backward(foreign_arrays.asarray(flow)), fit.backward(flow))


@pytest.mark.parametrize(("size", "target"), [((33, 47), (31, 90)), ((1, 1), (64, 64)), ((5, 6), (5, 6))])
def test_one_picture_and_one_flow(size: tuple[int, int], target: tuple[int, int]) -> None:
    for dtype in ("uint8", "float32"):
        picture = pictures((*size, 3), dtype)
        same(resize_picture(foreign_arrays.asarray(picture), *target), resize_picture(picture, *target))
    flow = RNG.normal(size=(*size, 2)).astype(np.float32)
    same(resize_flow(foreign_arrays.asarray(flow), *target), resize_flow(flow, *target))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("rule", ["resize", "pad"])
def test_large_batches_take_no_more_launches(dtype: str, rule: str) -> None:
    def launches(shape: tuple[int, ...]) -> int:
        batch, fit = foreign_arrays.asarray(pictures(shape, dtype)), SizeFit(rule, shape[1], shape[2], 64)
        before = foreign_arrays.ndarray.made
        fit.backward(Preprocess().tensor(fit.forward(batch), "rgb").transpose(0, 2, 3, 1)[..., :2])
        return foreign_arrays.ndarray.made - before

    assert launches((8, 190, 70, 3)) == launches((1, 60, 70, 3))


def test_namespace() -> None:
    assert namespace(np.zeros(1)) is np
    assert namespace(np.zeros(1).view(np.memmap)) is np
    assert namespace(foreign_arrays.asarray([1])) is foreign_arrays


def test_the_double_refuses_what_cupy_refuses() -> None:
    ours, host = foreign_arrays.asarray([1.0, 2.0]), np.ones(2)
    refused: list[Callable[[], Any]] = [
        lambda: ours * host,
        lambda: host * ours,
        lambda: np.add(ours, host),
        lambda: ours.__iadd__(host),
        lambda: np.asarray(ours),
        lambda: np.stack([ours]),
        lambda: ours[np.array([0])],
        lambda: ours.take(np.array([0])),
        lambda: foreign_arrays.take(host, ours),
        lambda: ours.__setitem__(0, np.array(1.0)),
    ]
    for attempt in refused:
        with pytest.raises(TypeError):
            attempt()
    same(np.float64(2) * ours + 1, np.array([3.0, 5.0]))


def test_cupy_takes_what_the_double_takes() -> None:
    """The same names, and of each the same first parameters."""
    cupy = pytest.importorskip("cupy")
    for real, double in ((cupy, foreign_arrays), (cupy.ndarray, foreign_arrays.ndarray)):
        functions = {name: f for name, f in vars(double).items() if inspect.isfunction(f) and name[0] != "_"}
        assert functions
        for name, function in functions.items():
            ours = parameters(function)
            assert parameters(getattr(real, name))[: len(ours)] == ours, name
    assert {"shape", "ndim", "size", "dtype", "flags", "__cuda_array_interface__"} <= set(dir(cupy.ndarray))
    assert cupy.ndarray.__module__.split(".")[0] == "cupy"


def parameters(function: Any) -> list[str]:
    """Names of a function's parameters; a compiled method has them in the first line of its text."""
    try:
        return [str(p).split(":")[0].split("=")[0] for p in inspect.signature(function).parameters.values()]
    except ValueError:
        inner = function.__doc__.splitlines()[0].split("(")[1].split(")")[0]
        return [parameter.split("=")[0].strip() for parameter in inner.split(",")]
