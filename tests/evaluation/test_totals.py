# SPDX-License-Identifier: Apache-2.0
"""Sums of many pairs: both means by hand and by mmflow, any order, any parts, through JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flownet2.errors import InputError
from flownet2.evaluation import METRICS, Scores, Totals, aggregate, score

MMFLOW = Path(__file__).parents[1] / "data" / "metrics.npz"

# Sums of very different sizes, so that the order of a naive sum shows.
sums = st.floats(0, 1e16, allow_subnormal=True)
cells = st.one_of(st.just([0.0, 0]), st.tuples(sums, st.integers(1, 10**6)).map(list))
records = st.lists(st.dictionaries(st.sampled_from(list(METRICS)), cells).map(Scores.from_dict), max_size=12)


def pictures() -> list[Scores]:
    with np.load(MMFLOW) as file:
        return [score(*arrays) for arrays in zip(file["flow"], file["gt"], file["valid"], strict=True)]


def test_mmflow_values_of_many() -> None:
    with np.load(MMFLOW) as file:
        expected = {name: np.asarray(file[name], np.float64) for name in ("EPE", "Fl", "EPE_per_image", "Fl_per_image")}
    together, each = aggregate(pictures(), "pixel"), aggregate(pictures(), "image")
    assert together["epe"].value == pytest.approx(float(expected["EPE"]), rel=1e-6)
    assert together["fl"].value == pytest.approx(float(expected["Fl"]), rel=1e-6)
    assert each["epe"].value == pytest.approx(expected["EPE_per_image"].mean(), rel=1e-6)
    assert each["fl"].value == pytest.approx(expected["Fl_per_image"].mean(), rel=1e-6)
    # 958 to 4800 valid pixels a picture: the two means must differ.
    assert abs(together["epe"].value - each["epe"].value) > 0.1
    assert (each["epe"].pictures, each["epe"].pixels) == (6, 23279)


def test_both_means_by_hand() -> None:
    found = [Scores.from_dict({"epe": [2.0, 1], "fl": [1.0, 1]}), Scores.from_dict({"epe": [30.0, 3], "fl": [0.0, 3]})]
    assert aggregate(found, "image")["epe"] == (6.0, "image", 2, 4)
    assert aggregate(found, "pixel")["epe"] == (8.0, "pixel", 2, 4)
    assert aggregate(found, "image")["fl"].value == 50.0
    assert aggregate(found, "pixel")["fl"].value == 25.0


def test_pictures_without_a_pixel() -> None:
    found = [Scores.from_dict({"epe_occ": cell}) for cell in ([6.0, 2], [0.0, 0])] + [Scores({})]
    assert aggregate(found, "image")["epe_occ"] == (3.0, "image", 1, 2)
    assert aggregate(found, "image", "zero")["epe_occ"] == (1.5, "image", 2, 2)
    assert aggregate(found, "pixel", "zero")["epe_occ"] == (3.0, "pixel", 1, 2)


def test_nothing_at_all() -> None:
    assert aggregate([]) == {}
    assert Totals().mean("epe") == (None, "image", 0, 0)
    empty = Totals.of([Scores.from_dict({"epe": [0.0, 0]})])
    assert empty.mean("epe") == (None, "image", 0, 0)
    assert empty.mean("epe", "pixel") == (None, "pixel", 0, 0)
    assert empty.mean("epe", "image", "zero") == (0.0, "image", 1, 0)


@given(found=records, random=st.randoms(use_true_random=False), cut=st.integers(0, 12))
def test_order_and_parts_do_not_matter(found: list[Scores], random: Any, cut: int) -> None:
    whole = Totals.of(found)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert Totals.of(shuffled) == whole
    joined = Totals.of(shuffled[cut:]) + Totals.of(shuffled[:cut])
    assert joined == whole
    assert list(joined.by_metric) == list(whole.by_metric)
    assert aggregate(shuffled, "pixel") == aggregate(found, "pixel")


@given(found=records)
def test_sums_are_exact(found: list[Scores]) -> None:
    for name, mean in aggregate(found, "image").items():
        values = [value for record in found if (value := record.value(name)) is not None]
        expected = math.fsum(values) / len(values) if values else None
        assert mean.value == (expected if expected is None else pytest.approx(expected, rel=3e-16))


@given(found=records)
def test_json_keeps_every_bit(found: list[Scores]) -> None:
    totals = Totals.of(found)
    again = Totals.from_dict(json.loads(json.dumps(totals.to_dict(), sort_keys=True, allow_nan=False)))
    assert again == totals
    assert again.to_dict() == totals.to_dict()
    for name in totals.by_metric:
        for mean in ("image", "pixel"):
            assert again.mean(name, mean) == totals.mean(name, mean)


GOOD = {"pictures": 1, "empty": 0, "pixels": 2, "values": "3/2", "sums": "3"}


def test_the_good_total_is_read() -> None:
    assert Totals.from_dict({"epe": GOOD}).mean("epe", "pixel").value == 1.5


@pytest.mark.parametrize(
    "changed",
    [
        {"pictures": -1},
        {"pictures": 1.0},
        {"empty": True},
        {"values": 1.5},
        {"values": "1e999999999"},
        {"values": "-1"},
        {"values": "1/0"},
        {"sums": "9" * 5000},
        {"sums": "9" * 600},
        {"other": 1},
    ],
)
def test_json_that_is_no_total(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="a total"):
        Totals.from_dict({"epe": GOOD | changed})


def test_json_that_is_no_table() -> None:
    with pytest.raises(InputError, match="totals must be a JSON object"):
        Totals.from_dict([GOOD])
    with pytest.raises(InputError, match="metric must be one of"):
        Totals.from_dict({"EPE": GOOD})


def test_unknown_rules() -> None:
    with pytest.raises(InputError, match=r"mean must be one of \('image', 'pixel'\).*got 'batch'"):
        Totals().mean("epe", "batch")
    with pytest.raises(InputError, match="got 'image' and 'nan'"):
        aggregate(pictures()[:1], "image", "nan")
