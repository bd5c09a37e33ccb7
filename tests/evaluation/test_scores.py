# SPDX-License-Identifier: Apache-2.0
"""Scores of one pair: mmflow's numbers, the functions of `metrics`, and cases made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flownet2 import metrics
from flownet2.errors import InputError
from flownet2.evaluation import METRICS, Cell, Scores, score

MMFLOW = Path(__file__).parents[1] / "data" / "metrics.npz"

FUNCTIONS: dict[str, Callable[..., float]] = {
    "epe": metrics.epe,
    "fl": metrics.fl_all,
    "px1": partial(metrics.outlier_rate, threshold_px=1),
    "px3": partial(metrics.outlier_rate, threshold_px=3),
    "px5": partial(metrics.outlier_rate, threshold_px=5),
    "wauc": metrics.wauc,
    "angle": metrics.angular_error,
}


def row(*vectors: tuple[float, float]) -> np.ndarray:
    return np.array([vectors], np.float32)


@pytest.fixture(scope="module")
def mmflow() -> dict[str, np.ndarray]:
    with np.load(MMFLOW) as file:
        return dict(file)


@pytest.mark.parametrize("index", range(6))
def test_mmflow_values_per_picture(mmflow: dict[str, np.ndarray], index: int) -> None:
    found = score(mmflow["flow"][index], mmflow["gt"][index], mmflow["valid"][index])
    assert found.value("epe") == pytest.approx(float(mmflow["EPE_per_image"][index]), rel=1e-6)
    assert found.value("fl") == pytest.approx(float(mmflow["Fl_per_image"][index]), rel=1e-6)
    assert found.cells["epe"].pixels == np.count_nonzero(mmflow["valid"][index])


@pytest.mark.parametrize("measure", FUNCTIONS)
def test_every_metric_is_the_one_of_metrics_over_its_region(measure: str, mmflow: dict[str, np.ndarray]) -> None:
    flow, gt, valid = 5 * mmflow["flow"][3], 5 * mmflow["gt"][3], mmflow["valid"][3] >= 0.5
    rng = np.random.RandomState(0)
    occluded, foreground = rng.uniform(size=(2, *valid.shape)) < 0.3
    speed = np.hypot(*np.moveaxis(gt.astype(np.float64), -1, 0))
    regions = {
        "all": valid,
        "noc": valid & ~occluded,
        "occ": valid & occluded,
        "bg": valid & ~foreground,
        "fg": valid & foreground,
        "s0_10": valid & (speed < 10),
        "s10_40": valid & (speed >= 10) & (speed <= 40),
        "s40": valid & (speed > 40),
    }
    found = score(flow, gt, valid, occluded=occluded, foreground=foreground)
    for name, metric in METRICS.items():
        if metric.measure == measure:
            region = regions[metric.region]
            assert found.cells[name].pixels == region.sum() > 0
            assert found.value(name) == FUNCTIONS[measure](flow, gt, valid=region), name


def test_kitti_fl_by_hand() -> None:
    # Errors of 4, 4, 3, 2 and 5 px on lengths of 100, 10, 1, 1 and 0: the second and the last are outliers.
    gt = row((100, 0), (10, 0), (1, 0), (1, 0), (0, 0))
    flow = row((104, 0), (14, 0), (4, 0), (3, 0), (3, 4))
    obj_map = np.array([[0, 2, 0, 0, 1]], np.uint8)
    noc_valid = np.array([[1, 1, 1, 0, 0]], np.uint8)
    found = score(flow, gt, foreground=obj_map, noc_valid=noc_valid)
    assert {name: found.value(name) for name in ("fl", "fl_bg", "fl_fg")} == {"fl": 40.0, "fl_bg": 0.0, "fl_fg": 100.0}
    assert found.value("fl_noc") == pytest.approx(100 / 3, rel=1e-15)
    assert found.value("fl_occ") == 50.0
    assert found.value("epe_occ") == 3.5
    without = score(flow, gt, [[1, 1, 1, 1, 0]], foreground=obj_map, noc_valid=noc_valid)
    assert (without.value("fl"), without.value("fl_fg"), without.value("fl_occ")) == (25.0, 100.0, 0.0)
    assert without.cells["fl_fg"] == Cell(1.0, 1)


def test_outliers_are_above_the_bound() -> None:
    found = score(row((1, 0), (3, 0), (5, 0), (6, 0)), np.zeros((1, 4, 2), np.float32))
    assert [found.value(name) for name in ("px1", "px3", "px5")] == [75.0, 50.0, 25.0]


def test_speed_bands_at_their_borders() -> None:
    gt = row((6, 8), (np.nextafter(np.float32(10), np.float32(0)), 0), (24, 32), (0, -40.000004), (0, 0))
    found = score(gt + row((1, 0), (2, 0), (3, 0), (4, 0), (4, 0)), gt)
    assert {name: found.cells[f"epe_{name}"].pixels for name in ("s0_10", "s10_40", "s40")} == {
        "s0_10": 2,
        "s10_40": 2,
        "s40": 1,
    }
    assert found.value("epe_s0_10") == pytest.approx(3)
    assert found.value("epe_s10_40") == 2.0
    assert found.value("epe_s40") == 4.0


def test_speed_is_the_truths_not_the_flows() -> None:
    assert score(row((50, 0)), row((1, 0))).cells["epe_s0_10"] == Cell(49.0, 1)


def test_sintels_masks() -> None:
    # occlusions are 0 and 255; matched and unmatched are its words for not occluded and occluded.
    found = score(row((1, 0), (5, 0)), np.zeros((1, 2, 2), np.float32), occluded=np.array([[0, 255]], np.uint8))
    assert (found.value("epe_noc"), found.value("epe_occ")) == (1.0, 5.0)
    titles = [METRICS[name].title("sintel-final") for name in ("epe_noc", "epe_occ", "epe_s40", "fl", "fl_bg")]
    assert titles == ["EPE matched", "EPE unmatched", "EPE s40+", "Fl-all", "Fl-bg"]
    assert METRICS["epe_noc"].title("kitti2012") == "EPE noc"


def test_every_title_is_one_metrics() -> None:
    assert len({metric.title() for metric in METRICS.values()}) == len(METRICS)


def test_a_metric_without_its_mask_is_not_there() -> None:
    zero = np.zeros((2, 3, 2), np.float32)
    found = score(zero, zero)
    assert {METRICS[name].region for name in found.cells} == {"all", "s0_10", "s10_40", "s40"}
    assert found.value("fl_bg") is None
    assert found.value("epe_s40") is None
    assert found.values()["epe"] == 0.0


@pytest.mark.parametrize("mask", ["occluded", "noc_valid", "foreground"])
@pytest.mark.parametrize("full", [False, True])
def test_empty_masks(mask: str, full: bool) -> None:
    flow, gt = row((3, 4), (0, 1)), np.zeros((1, 2, 2), np.float32)
    found = score(flow, gt, **{mask: np.full((1, 2), full)})
    chosen, others = {"occluded": ("occ", "noc"), "noc_valid": ("noc", "occ"), "foreground": ("fg", "bg")}[mask]
    everything, nothing = (chosen, others) if full else (others, chosen)
    assert found.value(f"epe_{everything}") == 3.0
    assert found.cells[f"epe_{nothing}"] == Cell(0.0, 0)
    assert found.value(f"wauc_{nothing}") is None


@pytest.mark.parametrize("unknown", [np.nan, np.inf, 1e10])
def test_unknown_truth(unknown: float) -> None:
    flow, gt = row((3, 4), (np.nan, 0)), row((0, 0), (0, unknown))
    assert score(flow, gt).cells["epe"] == Cell(5.0, 1)
    nothing = score(flow, np.full_like(gt, unknown), occluded=[[True, False]], foreground=[[True, False]])
    assert set(nothing.cells) == set(METRICS)
    assert set(nothing.cells.values()) == {Cell(0.0, 0)}
    assert set(nothing.values().values()) == {None}


def test_max_flow() -> None:
    gt = row((512, 0), (0, -512), (511.9, 511.9), (np.nan, 0))
    found = score(np.nan_to_num(gt) + row((3, 4)), gt, max_flow=512)
    assert found.cells["epe"].pixels == 1
    assert found.value("epe") == pytest.approx(5, rel=1e-5)


def test_flow_that_is_not_finite() -> None:
    flow, gt = row((np.nan, 0), (0, 0)), np.zeros((1, 2, 2), np.float32)
    with pytest.raises(InputError, match="flow is not finite at 1 of 2 counted pixels"):
        score(flow, gt)
    assert score(flow, gt, [[False, True]]).cells["epe"] == Cell(0.0, 1)


def test_the_largest_flows() -> None:
    zero = np.zeros((1, 1, 2))
    found = score(np.array([[[np.finfo(np.float32).max, 0]]]), zero)
    assert Scores.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    with pytest.raises(InputError, match="flow is not finite at 1 of 1"):
        score(np.array([[[1e200, 0]]]), zero)


def test_wrong_arrays() -> None:
    zero = np.zeros((2, 3, 2), np.float32)
    with pytest.raises(InputError, match=r"gt must be one picture's, \(H, W, 2\), got shape \(1, 2, 3, 2\)"):
        score(zero[None], zero[None])
    with pytest.raises(InputError, match="flow and gt must have one shape"):
        score(zero[:1], zero)
    with pytest.raises(InputError, match=r"foreground must have shape \(2, 3\)"):
        score(zero, zero, foreground=np.zeros((3, 2)))
    with pytest.raises(InputError, match="give occluded or noc_valid, not both"):
        score(zero, zero, occluded=np.zeros((2, 3)), noc_valid=np.ones((2, 3)))


@given(seed=st.integers(0, 2**32 - 1))
def test_json_keeps_every_bit(seed: int) -> None:
    rng = np.random.RandomState(seed)
    flow, gt = rng.standard_cauchy((2, 5, 4, 2)).astype(np.float32) * 10
    found = score(flow, gt, rng.uniform(size=(5, 4)) < 0.7, occluded=rng.uniform(size=(5, 4)) < 0.2)
    text = json.dumps(found.to_dict(), allow_nan=False)
    again = Scores.from_dict(json.loads(text))
    assert again == found
    assert json.dumps(again.to_dict()) == text
    reordered = Scores.from_dict(json.loads(json.dumps(found.to_dict(), sort_keys=True)))
    assert list(reordered.cells) == list(found.cells)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"epe": 1.0},
        {"epe": [1.0]},
        {"epe": [1.0, 2.0]},
        {"epe": [1.0, True]},
        {"epe": ["1", 1]},
        {"epe": [float("nan"), 1]},
        {"epe": [float("inf"), 1]},
        {"epe": [10**400, 1]},
        {"epe": [-1.0, 1]},
        {"epe": [1.0, -1]},
        {"epe": [1.0, 0]},
        {"epe_everywhere": [1.0, 1]},
    ],
)
def test_json_that_is_no_record(content: Any) -> None:
    with pytest.raises(InputError, match=r"scores|metric must be one of"):
        Scores.from_dict(content)


def test_unknown_metric() -> None:
    with pytest.raises(InputError, match="metric must be one of epe, epe_noc"):
        Scores({}).value("EPE")
