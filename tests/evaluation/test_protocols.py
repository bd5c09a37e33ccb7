# SPDX-License-Identifier: Apache-2.0
"""Protocols: each project's rules on pictures that tell them apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flownet2.errors import InputError
from flownet2.evaluation import PROTOCOLS, Scores, Totals, get_protocol
from flownet2.preprocess import SizeFit

MMFLOW = Path(__file__).parents[1] / "data" / "metrics.npz"
DATASETS = (
    "flyingchairs",
    "flyingthings3d",
    "sintel-clean",
    "sintel-final",
    "kitti2012",
    "kitti2015",
    "hd1k",
    "spring",
)

# Values of 2 and 10 px, 100 and 0 %; means of the pictures 6 and 50, over the pixels 8 and 25.
TWO = Totals.of(
    Scores.from_dict(cells) for cells in ({"epe": [2.0, 1], "fl": [1.0, 1]}, {"epe": [30.0, 3], "fl": [0.0, 3]})
)


def row(*vectors: tuple[float, float]) -> np.ndarray:
    return np.array([vectors], np.float32)


@pytest.mark.parametrize(
    ("protocol", "dataset", "epe", "fl"),
    [
        ("mmflow", "kitti2015", 6.0, 50.0),
        ("mmflow", "sintel-clean", 6.0, 50.0),
        ("raft", "kitti2015", 6.0, 25.0),
        ("raft", "kitti2012", 6.0, 25.0),
        ("raft", "sintel-final", 8.0, 25.0),
        ("raft", "flyingchairs", 8.0, 25.0),
        ("ptlflow", "kitti2015", 6.0, 50.0),
        ("ptlflow", "sintel-clean", 6.0, 50.0),
    ],
)
def test_means(protocol: str, dataset: str, epe: float, fl: float) -> None:
    means = get_protocol(protocol).rules(dataset).means(TWO)
    assert (means["epe"].value, means["fl"].value) == (epe, fl)


def test_mmflows_number_of_a_set() -> None:
    rules = get_protocol("mmflow").rules("kitti2015")
    with np.load(MMFLOW) as file:
        found = Totals.of(rules.score(*arrays) for arrays in zip(file["flow"], file["gt"], file["valid"], strict=True))
        epe, fl = file["EPE_per_image"].astype(np.float64).mean(), file["Fl_per_image"].mean()
    assert rules.means(found)["epe"].value == pytest.approx(epe, rel=1e-6)
    assert rules.means(found)["fl"].value == pytest.approx(fl, rel=1e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_masks_of_valid_pixels(protocol: str) -> None:
    arrays = row((3, 4), (0, 1)), np.zeros((1, 2, 2), np.float32), [[1, 0]]
    assert get_protocol(protocol).rules("kitti2015").score(*arrays).value("epe") == 5.0
    # None of the three reads MPI-Sintel's `invalid`.
    for dataset in ("sintel-clean", "sintel-final"):
        found = get_protocol(protocol).rules(dataset).score(*arrays, occluded=[[0, 1]])
        assert (found.value("epe"), found.value("epe_occ")) == (3.0, 1.0)


@pytest.mark.parametrize(
    ("protocol", "dataset", "counted"),
    [
        ("mmflow", "kitti2015", 4),
        ("raft", "kitti2015", 4),
        ("ptlflow", "kitti2015", 1),
        ("ptlflow", "hd1k", 1),
        ("ptlflow", "flyingthings3d", 2),
        ("ptlflow", "sintel-clean", 3),
        ("ptlflow", "spring", 3),
    ],
)
def test_limits_of_the_truth(protocol: str, dataset: str, counted: int) -> None:
    gt = row((511, -511), (0, -999), (9999, 0), (10000, 0), (np.nan, 0))
    found = get_protocol(protocol).rules(dataset).score(np.zeros_like(gt), gt)
    assert found.cells["epe"].pixels == counted


def test_pictures_without_a_pixel_are_zeros_in_ptlflow() -> None:
    found = Totals.of(
        Scores.from_dict({"epe_occ": occ, "epe_s40": fast})
        for occ, fast in (([6.0, 2], [8.0, 1]), ([0.0, 0], [0.0, 0]))
    )
    values = {
        name: (means["epe_occ"].value, means["epe_s40"].value)
        for name in PROTOCOLS
        for means in [get_protocol(name).rules("kitti2012").means(found)]
    }
    assert values == {"mmflow": (3.0, 8.0), "raft": (3.0, 8.0), "ptlflow": (1.5, 8.0)}


@pytest.mark.parametrize(("protocol", "rule"), [("mmflow", "resize"), ("raft", "pad"), ("ptlflow", "resize")])
def test_sizes(protocol: str, rule: str) -> None:
    assert get_protocol(protocol).size_rule == rule
    assert SizeFit(get_protocol(protocol).size_rule, 436, 1024, 64).network_size == (448, 1024)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_stored_tells_protocols_and_rules_apart(protocol: str) -> None:
    stored = {dataset: get_protocol(protocol).to_dict(dataset) for dataset in DATASETS}
    assert json.loads(json.dumps(stored)) == stored
    assert stored["kitti2015"]["name"] == protocol
    assert stored["kitti2015"] != stored["sintel-clean"]
    others = [other.to_dict("kitti2015") for name, other in PROTOCOLS.items() if name != protocol]
    assert stored["kitti2015"] not in others


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dataset", DATASETS)
def test_description(protocol: str, dataset: str) -> None:
    lines = get_protocol(protocol).describe(dataset)
    assert lines[0].startswith(f"protocol {protocol} for {dataset}, after ")
    assert all(line.isascii() and "\n" not in line for line in lines)
    limit = get_protocol(protocol).rules(dataset).max_flow
    assert [line for line in lines if line.startswith("limit")] == (
        [f"limit: true |u| and |v| below {limit:g} px"] if limit else []
    )


def test_description_of_rafts_two_means() -> None:
    lines = get_protocol("raft").describe("kitti2015")
    assert "mean: mean over all pixels of all pictures" in lines
    assert "mean of EPE: mean of the pictures' values" in lines
    assert not any(line.startswith("mean of") for line in get_protocol("raft").describe("sintel-clean"))


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="protocol must be one of mmflow, raft, ptlflow; got 'gmflow'"):
        get_protocol("gmflow")
