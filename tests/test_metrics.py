# SPDX-License-Identifier: Apache-2.0
"""Metrics against mmflow's numbers and values computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flownet2.errors import InputError
from flownet2.metrics import angular_error, end_point_error, epe, fl_all, outlier_rate, wauc

AGGREGATES = (epe, fl_all, outlier_rate, wauc, angular_error)
MMFLOW = Path(__file__).parent / "data" / "metrics.npz"


def row(*vectors: tuple[float, float]) -> np.ndarray:
    return np.array([vectors], np.float32)


@pytest.fixture(scope="module")
def mmflow() -> dict[str, np.ndarray]:
    with np.load(MMFLOW) as file:
        return dict(file)


def test_mmflow_values_of_a_batch(mmflow: dict[str, np.ndarray]) -> None:
    arrays = mmflow["flow"], mmflow["gt"], mmflow["valid"]
    assert epe(*arrays) == pytest.approx(float(mmflow["EPE"]), rel=1e-6)
    assert fl_all(*arrays) == pytest.approx(float(mmflow["Fl"]), rel=1e-6)


@pytest.mark.parametrize("index", range(6))
def test_mmflow_values_per_picture(mmflow: dict[str, np.ndarray], index: int) -> None:
    arrays = mmflow["flow"][index], mmflow["gt"][index], mmflow["valid"][index]
    assert epe(*arrays) == pytest.approx(float(mmflow["EPE_per_image"][index]), rel=1e-6)
    assert fl_all(*arrays) == pytest.approx(float(mmflow["Fl_per_image"][index]), rel=1e-6)


def test_mean_of_end_point_error_is_epe(mmflow: dict[str, np.ndarray]) -> None:
    flow, gt, valid = mmflow["flow"], mmflow["gt"], mmflow["valid"]
    error = end_point_error(flow, gt)
    assert error.shape == (6, 60, 80)
    assert error[valid >= 0.5].mean() == pytest.approx(epe(flow, gt, valid), rel=1e-12)


def test_epe_by_hand() -> None:
    flow, gt = row((3, 4), (1, 1), (0, 0)), row((0, 0), (1, 1), (0, 1))
    assert end_point_error(flow, gt).tolist() == [[5.0, 0.0, 1.0]]
    assert epe(flow, gt) == 2.0
    assert epe(flow, gt, [[1, 1, 0]]) == 2.5


def test_fl_needs_both_bounds() -> None:
    # Errors of 4, 4, 3 and 2 px on lengths of 100, 10, 1 and 1: only the second is above 3 px and above 5 %.
    gt = row((100, 0), (10, 0), (1, 0), (1, 0))
    flow = row((104, 0), (14, 0), (4, 0), (3, 0))
    assert fl_all(flow, gt) == 25.0
    assert fl_all(row((3.001, 0)), row((0, 0))) == 100.0


def test_outlier_rate_is_above_not_at_the_threshold() -> None:
    flow, gt = row((1, 0), (2, 0), (4, 0), (6, 0)), np.zeros((1, 4, 2), np.float32)
    assert outlier_rate(flow, gt) == 50.0
    assert outlier_rate(flow, gt, 1) == 75.0
    assert outlier_rate(flow, gt, 0.5, [[True, False, False, False]]) == 100.0
    assert outlier_rate(flow, gt, 6) == 0.0


def test_wauc_by_hand() -> None:
    zero = np.zeros((1, 1, 2), np.float32)
    assert wauc(zero, zero) == pytest.approx(100)
    assert wauc(row((5.001, 0)), zero) == 0.0
    # Within the last of 100 steps only, whose weight is 0.01 of a sum of 50.5.
    assert wauc(row((5, 0)), zero) == pytest.approx(100 * 0.01 / 50.5)
    # Not within the first step, of weight 1, but within all others.
    assert wauc(row((0.0625, 0)), zero) == pytest.approx(100 * 49.5 / 50.5)


def test_wauc_is_the_formula(mmflow: dict[str, np.ndarray]) -> None:
    flow, gt, valid = mmflow["flow"], mmflow["gt"], mmflow["valid"]
    error = end_point_error(flow, gt)[valid == 1]
    weights = [1 - (i - 1) / 100 for i in range(1, 101)]
    total = sum(w * (error <= i / 20).mean() for i, w in enumerate(weights, start=1))
    assert wauc(flow, gt, valid) == pytest.approx(100 * total / sum(weights), rel=1e-12)


def test_wauc_steps_at_their_bounds() -> None:
    bounds = np.arange(1, 101) / 20
    around = np.concatenate([[0.0], np.nextafter(bounds, 0), bounds, np.nextafter(bounds, 9), [1e9]])
    flow = np.stack([around, np.zeros_like(around)], axis=-1)
    weights = 1 - np.arange(100) / 100
    expected = [100 * weights[error <= bounds].sum() / weights.sum() for error in around]
    found = [wauc(vector, np.zeros_like(vector)) for vector in flow[:, None, None]]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("flow", "gt", "degrees"),
    [
        ((0, 0), (0, 0), 0.0),
        ((1, 0), (0, 0), 45.0),
        ((1, 0), (-1, 0), 90.0),
        ((0, 1), (1, 0), 60.0),
        ((0, 3**0.5), (0, 0), 60.0),
        ((1e9, 0), (-1e9, 0), 180.0),
    ],
)
def test_angular_error_by_hand(flow: tuple[float, float], gt: tuple[float, float], degrees: float) -> None:
    assert angular_error(row(flow), row(gt)) == pytest.approx(degrees, abs=1e-5)


def test_small_angles_keep_their_digits() -> None:
    assert angular_error(np.full((1, 1, 2), 1e-9), np.zeros((1, 1, 2))) == pytest.approx(
        np.degrees(2**0.5 * 1e-9), rel=1e-9
    )


@pytest.mark.parametrize("unknown", [np.nan, np.inf, 1e10, -2e9])
def test_unknown_truth_is_left_out_with_and_without_a_mask(unknown: float) -> None:
    flow, gt = row((3, 4), (0, 0)), row((0, 0), (0, unknown))
    assert epe(flow, gt) == 5.0
    assert epe(flow, gt, [[True, True]]) == 5.0
    error = end_point_error(flow, gt)
    assert error[0, 0] == 5.0
    assert np.isnan(error[0, 1])


@pytest.mark.parametrize("metric", AGGREGATES)
def test_flow_that_is_not_finite(metric: Callable[..., float]) -> None:
    flow, gt = row((np.nan, 0), (0, 0), (np.inf, 0)), np.zeros((1, 3, 2), np.float32)
    with pytest.raises(InputError, match="flow is not finite at 2 of 3 counted pixels"):
        metric(flow, gt)
    assert metric(flow, gt, valid=[[False, True, False]]) == metric(gt, gt)


@pytest.mark.parametrize("metric", AGGREGATES)
def test_nothing_to_count(metric: Callable[..., float]) -> None:
    zero = np.zeros((2, 3, 2), np.float32)
    with pytest.raises(InputError, match="no pixel to count: valid excludes every known pixel of gt"):
        metric(zero, zero, valid=np.zeros((2, 3), bool))
    with pytest.raises(InputError, match="no pixel to count: gt is unknown everywhere"):
        metric(zero, zero + np.nan)


@pytest.mark.parametrize("metric", [*AGGREGATES, end_point_error])
def test_wrong_arrays(metric: Callable[..., float]) -> None:
    zero = np.zeros((2, 3, 2), np.float32)
    with pytest.raises(InputError, match=r"flow and gt must have one shape, got \(2, 3, 2\) and \(3, 2, 2\)"):
        metric(zero, zero.transpose(1, 0, 2))
    with pytest.raises(InputError, match=r"flow must have shape \(\.\.\., H, W, 2\), got \(2, 3\)"):
        metric(zero[..., 0], zero)
    with pytest.raises(InputError, match=r"gt must have shape .* got \(2, 2, 3\); move the channels last"):
        metric(zero, zero.transpose(2, 0, 1))
    with pytest.raises(InputError, match="gt must be floating point, got int64"):
        metric(zero, zero.astype(np.int64))
    with pytest.raises(InputError, match="flow must have at least one pixel"):
        metric(zero[:0], zero[:0])


@pytest.mark.parametrize("metric", AGGREGATES)
def test_wrong_mask(metric: Callable[..., float]) -> None:
    zero = np.zeros((2, 3, 2), np.float32)
    with pytest.raises(InputError, match=r"valid must have shape \(2, 3\).*got \(3, 2\)"):
        metric(zero, zero, valid=np.ones((3, 2)))


@pytest.mark.parametrize("threshold", [-1.0, np.nan, np.inf])
def test_wrong_threshold(threshold: float) -> None:
    zero = np.zeros((1, 1, 2), np.float32)
    with pytest.raises(InputError, match="threshold_px must be finite and at least 0"):
        outlier_rate(zero, zero, threshold)


@pytest.mark.parametrize("metric", AGGREGATES)
@given(seed=st.integers(0, 2**32 - 1))
def test_memory_layout_and_dtype_do_not_matter(metric: Callable[..., float], seed: int) -> None:
    rng = np.random.RandomState(seed)
    flow, gt = rng.uniform(-8, 8, (2, 5, 4, 2)).astype(np.float32)
    expected = metric(flow, gt)
    assert metric(np.asfortranarray(flow), gt.astype(np.float64)) == expected
    assert metric(flow[::-1], gt[::-1]) == pytest.approx(expected, rel=1e-12)
