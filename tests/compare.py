# SPDX-License-Identifier: Apache-2.0
"""Comparison of arrays with a message that helps: the worst element, where it is, how much was allowed."""

from __future__ import annotations

import numpy as np

from flownet2.types import Array


def assert_near(got: Array, expected: Array, *, atol: float, what: str = "") -> float:
    """Same shape, NaN in the same places, no difference above atol; returns the largest difference."""
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    assert np.array_equal(np.isnan(got), np.isnan(expected)), f"{what}: NaN in other places"
    difference = np.nan_to_num(np.abs(got.astype(np.float64) - expected))
    worst = float(difference.max(initial=0))
    if worst > atol:
        index = tuple(map(int, np.unravel_index(difference.argmax(), difference.shape)))
        share = float((difference > atol).mean())
        raise AssertionError(
            f"{what}: {worst:.3g} at {index} (got {got[index]:.8g}, expected {expected[index]:.8g}); "
            f"allowed {atol:.3g}, {share:.2%} of the elements are beyond"
        )
    return worst


def assert_relative(got: Array, expected: Array, *, rtol: float, what: str = "") -> float:
    """No difference above rtol times the largest finite value of `expected`."""
    largest = float(np.abs(np.nan_to_num(expected, posinf=0, neginf=0)).max(initial=0))
    return assert_near(got, expected, atol=rtol * max(largest, 1e-30), what=what)
