# SPDX-License-Identifier: Apache-2.0
"""Two flows beside each other: how far apart they are, and which of them is nearer to the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.io.arrays import Flow
from flownet2.metrics import end_point_error
from flownet2.pixel_errors import check_pair

PERCENTS = (50, 90, 99)
THRESHOLDS_PX = (1e-4, 1e-2, 1.0, 3.0)


class Place(NamedTuple):
    """A pixel and what the two flows have there, px."""

    x: int
    y: int
    a: tuple[float, float]
    b: tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """How far two flows are apart, over the pixels known in both; all None where there are none."""

    height: int
    width: int
    known_a: int
    known_b: int
    known_both: int
    equal: bool
    """Whether the same pixels are known, and have the same bits."""
    mean_px: float | None
    largest_px: float | None
    where: Place | None
    """Of the largest, the first in reading order."""
    percentiles_px: dict[int, float] | None
    """Distance that so many percent of the pixels stay within, of `PERCENTS`."""
    shares_above: dict[float, float] | None
    """Percent of the pixels that are farther apart than each of `THRESHOLDS_PX`."""

    @property
    def known_in_one(self) -> int:
        """Pixels known in one of the two only."""
        return self.known_a + self.known_b - 2 * self.known_both

    def within(self, px: float) -> bool:
        """Whether the same pixels are known and none is farther apart than `px`."""
        return self.known_in_one == 0 and (self.largest_px is None or self.largest_px <= px)

    def to_dict(self) -> dict[str, Any]:
        """What JSON takes."""
        return {
            **asdict(self),
            "where": None if self.where is None else self.where._asdict(),
            "percentiles_px": _named(self.percentiles_px),
            "shares_above": _named(self.shares_above),
        }


class Better(NamedTuple):
    """Which of two flows is nearer to the truth, in percent of the counted pixels."""

    a: float
    b: float
    equal: float


def compare_flows(a: Flow, b: Flow) -> Difference:
    """How far `b` is from `a`.

    Raises:
        InputError: they differ in shape.
    """
    check_pair(a.flow, b.flow)
    both = a.valid & b.valid
    counts = int(a.valid.sum()), int(b.valid.sum()), int(both.sum())
    same = bool((a.valid == b.valid).all()) and bool((_bits(a.flow)[both] == _bits(b.flow)[both]).all())
    height, width = both.shape
    if not both.any():
        return Difference(height, width, *counts, same, None, None, None, None, None)
    distance = np.where(both, end_point_error(a.flow, b.flow), -1.0)
    y, x = np.unravel_index(int(distance.argmax()), both.shape)
    numbers = distance[both]
    return Difference(
        height,
        width,
        *counts,
        same,
        mean_px=float(numbers.mean()),
        largest_px=float(numbers.max()),
        where=Place(int(x), int(y), _vector(a.flow[y, x]), _vector(b.flow[y, x])),
        percentiles_px=dict(zip(PERCENTS, np.percentile(numbers, PERCENTS).tolist(), strict=True)),
        shares_above={bound: 100 * float((numbers > bound).mean()) for bound in THRESHOLDS_PX},
    )


def which_is_better(a: ArrayLike, b: ArrayLike, gt: ArrayLike, counted: NDArray[np.bool_]) -> Better | None:
    """At how many of the counted pixels each flow is nearer to the truth; None without such pixels.

    Raises:
        InputError: wrong or different shapes.
    """
    if not counted.any():
        return None
    one, two = (end_point_error(flow, gt)[counted] for flow in (a, b))
    shares = (100 * float(which.mean()) for which in (one < two, two < one, one == two))
    return Better(*shares)


def _bits(flow: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(flow).view(np.uint32)


def _vector(values: NDArray[np.float32]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _named(numbers: dict[Any, float] | None) -> dict[str, float] | None:
    return None if numbers is None else {f"{key:g}": value for key, value in numbers.items()}
