# SPDX-License-Identifier: Apache-2.0
"""Scores of many pairs added up without rounding: equal to the bit in any order, in parts, and through JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from flownet2.errors import InputError
from flownet2.evaluation.scores import METRICS, Cell, Scores, check_metric

MEANS = ("image", "pixel")
EMPTY = ("skip", "zero")

# Sums of doubles need at most 2100 bits; a text beyond that is not ours.
_EXACT = re.compile(r"[0-9]{1,700}(/[0-9]{1,700})?")
_LARGEST = Fraction(10**300)


class Mean(NamedTuple):
    """A metric over many pictures."""

    value: float | None
    """None where no picture has a pixel for it."""
    mean: str
    """Which it is: "image", the mean of the pictures' values, or "pixel", over all their pixels together."""
    pictures: int
    """Pictures that the value comes from."""
    pixels: int
    """Their counted pixels."""


@dataclass(frozen=True)
class Total:
    """One metric added up.

    Attributes:
        pictures: that have a pixel for it.
        empty: pictures whose mask was there but selects no pixel.
        pixels: counted.
        values: the exact sum of the pictures' values.
        sums: the exact sum of the numbers per pixel, not scaled.
    """

    pictures: int = 0
    empty: int = 0
    pixels: int = 0
    values: Fraction = Fraction(0)
    sums: Fraction = Fraction(0)

    def __add__(self, other: Total) -> Total:
        return Total(
            self.pictures + other.pictures,
            self.empty + other.empty,
            self.pixels + other.pixels,
            self.values + other.values,
            self.sums + other.sums,
        )

    @staticmethod
    def of(cell: Cell, value: float | None) -> Total:
        """The total of one picture."""
        if value is None:
            return Total(empty=1)
        return Total(1, 0, cell.pixels, Fraction(value), Fraction(cell.total))


@dataclass(frozen=True)
class Totals:
    """All metrics added up; `+` joins parts.

    Example:
        >>> from flownet2.evaluation import Scores
        >>> first, second = (Scores.from_dict({"epe": cell}) for cell in ([2.0, 1], [30.0, 3]))
        >>> totals = Totals.of([first]) + Totals.of([second])
        >>> totals.mean("epe", "image").value, totals.mean("epe", "pixel").value
        (6.0, 8.0)
    """

    by_metric: Mapping[str, Total] = field(default_factory=dict)

    def __add__(self, other: Totals) -> Totals:
        both = {name: self[name] + other[name] for name in METRICS if name in {*self.by_metric, *other.by_metric}}
        return Totals(both)

    def __getitem__(self, name: str) -> Total:
        """Of a metric; zeros if no picture had its mask."""
        return self.by_metric.get(check_metric(name).name, Total())

    @staticmethod
    def of(records: Iterable[Scores]) -> Totals:
        """The totals of pictures."""
        found: dict[str, Total] = {}
        for record in records:
            for name, cell in record.cells.items():
                found[name] = found.get(name, Total()) + Total.of(cell, record.value(name))
        return Totals({name: found[name] for name in METRICS if name in found})

    def mean(self, name: str, mean: str = "image", empty: str = "skip") -> Mean:
        """One metric over all pictures, rounded once.

        Args:
            name: of the metric.
            mean: "image", the mean of the pictures' values, or "pixel", over all their pixels together.
            empty: with "image", what a picture without a pixel for the metric does: "skip", or count as "zero".

        Raises:
            InputError: no such metric or rule.
        """
        if mean not in MEANS or empty not in EMPTY:
            raise InputError(f"mean must be one of {MEANS} and empty one of {EMPTY}, got {mean!r} and {empty!r}")
        total = self[name]
        pictures = total.pictures + (total.empty if (mean, empty) == ("image", "zero") else 0)
        if mean == "image":
            value = float(total.values / pictures) if pictures else None
        else:
            scale = Fraction(METRICS[name].scale)
            value = float(scale * total.sums / total.pixels) if total.pixels else None
        return Mean(value, mean, pictures, total.pixels)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """What JSON takes, exactly; sums are texts such as "153/4"."""
        return {
            name: {
                "pictures": total.pictures,
                "empty": total.empty,
                "pixels": total.pixels,
                "values": str(total.values),
                "sums": str(total.sums),
            }
            for name, total in self.by_metric.items()
        }

    @staticmethod
    def from_dict(content: Any) -> Totals:
        """The totals of `to_dict`.

        Raises:
            InputError: anything else.
        """
        if not isinstance(content, dict):
            raise InputError(f"totals must be a JSON object, got {content!r:.80}")
        for name in content:
            check_metric(name)
        return Totals({name: _total(content[name]) for name in METRICS if name in content})


def aggregate(records: Iterable[Scores], mean: str = "image", empty: str = "skip") -> dict[str, Mean]:
    """Every metric that a picture has a mask for, by name; args and errors as in `Totals.mean`."""
    totals = Totals.of(records)
    return {name: totals.mean(name, mean, empty) for name in totals.by_metric}


def _total(content: Any) -> Total:
    counts, sums = ("pictures", "empty", "pixels"), ("values", "sums")
    fits = isinstance(content, dict) and set(content) == {*counts, *sums}
    fits = fits and all(type(content[key]) is int and content[key] >= 0 for key in counts)
    fits = fits and all(isinstance(content[key], str) and _EXACT.fullmatch(content[key]) for key in sums)
    if not fits:
        raise InputError(
            f"a total must have counts {', '.join(counts)} and exact {', '.join(sums)}; got {content!r:.120}"
        )
    try:
        exact = [Fraction(content[key]) for key in sums]
    except ZeroDivisionError:
        exact = [_LARGEST + 1]
    if max(exact) > _LARGEST:
        raise InputError(f"a total's sums must be numbers up to 1e300, got {content!r:.120}")
    return Total(*(content[key] for key in counts), *exact)
