# SPDX-License-Identifier: Apache-2.0
"""How far two flows are apart."""

from __future__ import annotations

import json

import numpy as np
import pytest

from flownet2.comparison import compare_flows, which_is_better
from flownet2.errors import InputError
from flownet2.io.arrays import Flow


def flow(*vectors: tuple[float, float], valid: list[bool] | None = None) -> Flow:
    array = np.array([vectors], np.float32)
    return Flow(array, np.array([valid or [True] * len(vectors)]))


def test_equal_flows() -> None:
    one = flow((1, 2), (3, 4))
    found = compare_flows(one, flow((1, 2), (3, 4)))
    assert found.equal
    assert (found.mean_px, found.largest_px) == (0.0, 0.0)
    assert found.within(0)


def test_one_bit_is_a_difference() -> None:
    one, two = flow((1, 2), (3, 4)), flow((1, 2), (3, 4))
    two.flow[0, 1, 0] = np.nextafter(np.float32(3), np.float32(4))
    found = compare_flows(one, two)
    assert not found.equal
    assert found.where is not None
    assert (found.where.x, found.where.y) == (1, 0)
    # The sign of zero is a bit, and no distance.
    assert not compare_flows(flow((0.0, 1)), flow((-0.0, 1))).equal
    assert compare_flows(flow((0.0, 1)), flow((-0.0, 1))).largest_px == 0


def test_numbers() -> None:
    rng = np.random.RandomState(5)
    a = rng.normal(0, 3, (20, 30, 2)).astype(np.float32)
    b = a + rng.normal(0, 1, a.shape).astype(np.float32)
    b[7, 11] = a[7, 11] + np.float32([30, 40])
    everywhere = np.ones((20, 30), bool)
    found = compare_flows(Flow(a, everywhere), Flow(b, everywhere))
    distance = np.linalg.norm(a.astype(float) - b, axis=-1)
    assert (found.height, found.width, found.known_both) == (20, 30, 600)
    assert found.mean_px == pytest.approx(distance.mean())
    assert found.largest_px == pytest.approx(50, rel=1e-5)
    assert found.where == (11, 7, tuple(a[7, 11].tolist()), tuple(b[7, 11].tolist()))
    assert found.percentiles_px == pytest.approx({p: np.percentile(distance, p) for p in (50, 90, 99)})
    assert found.shares_above == pytest.approx({px: 100 * (distance > px).mean() for px in (0.0001, 0.01, 1.0, 3.0)})
    assert found.within(51)
    assert not found.within(49)


def test_unknown_pixels_do_not_count() -> None:
    one = flow((1, 0), (np.nan, 0), (5, 0), (1e10, 0), valid=[True, False, True, False])
    two = flow((1, 0), (8, 0), (np.inf, 0), (1e10, 0), valid=[True, True, False, False])
    found = compare_flows(one, two)
    assert (found.known_a, found.known_b, found.known_both, found.known_in_one) == (2, 2, 1, 2)
    assert (found.largest_px, found.equal) == (0.0, False)
    assert not found.within(1e9)


def test_nothing_in_common() -> None:
    found = compare_flows(flow((1, 0), valid=[False]), flow((2, 0), valid=[False]))
    assert (found.mean_px, found.where, found.percentiles_px) == (None, None, None)
    assert found.equal
    assert found.within(0)


def test_different_sizes() -> None:
    with pytest.raises(InputError, match="must have one shape"):
        compare_flows(flow((1, 0)), flow((1, 0), (1, 0)))


def test_json() -> None:
    content = json.loads(json.dumps(compare_flows(flow((1, 0), (2, 0)), flow((1, 0), (2, 3.5))).to_dict()))
    assert content["where"] == {"x": 1, "y": 0, "a": [2.0, 0.0], "b": [2.0, 3.5]}
    assert content["shares_above"] == {"0.0001": 50.0, "0.01": 50.0, "1": 50.0, "3": 50.0}
    assert content["percentiles_px"]["50"] == 1.75
    assert content["equal"] is False


def test_which_is_better() -> None:
    truth = flow((0, 0), (0, 0), (0, 0), (0, 0), (np.nan, 0)).flow
    a, b = flow((1, 0), (0, 2), (3, 0), (0, 0), (0, 0)).flow, flow((2, 0), (0, 1), (0, 3), (9, 9), (0, 0)).flow
    counted = np.array([[True, True, True, True, False]])
    assert which_is_better(a, b, truth, counted) == (50.0, 25.0, 25.0)
    assert which_is_better(a, b, truth, np.zeros((1, 5), bool)) is None
