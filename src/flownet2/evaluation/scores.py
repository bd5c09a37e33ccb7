# SPDX-License-Identifier: Apache-2.0
"""Every metric of one picture pair, as sums and counts, so that both kinds of mean follow.

A metric is a number per pixel (`MEASURES`) summed over a part of the picture (`REGIONS`): `epe` over all counted
pixels, `epe_occ` over the occluded ones, `fl_bg` over the background. What counts is what `metrics` counts: pixels
whose truth is known and that `valid` does not exclude; a flow that is not finite there is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flownet2.errors import InputError
from flownet2.io.arrays import check_mask
from flownet2.pixel_errors import PixelErrors, check_pair, pixel_errors
from flownet2.types import Array

SLOW_PX = 10.0
FAST_PX = 40.0
"""Bounds of MPI-Sintel's bands of true speed. Its site puts "lower than 10" into s0-10 and "larger than 40" into
s40+; lengths of exactly 10 and 40 px are thus in s10-40."""

MEASURES: dict[str, tuple[str, str, float]] = {
    "epe": ("EPE", "px", 1.0),
    "fl": ("Fl", "%", 100.0),
    "px1": ("> 1 px", "%", 100.0),
    "px3": ("> 3 px", "%", 100.0),
    "px5": ("> 5 px", "%", 100.0),
    "wauc": ("WAUC", "%", 100.0),
    "angle": ("Angle", "deg", 1.0),
}
"""Title, unit and scale of each number per pixel; of WAUC alone more is better."""

REGIONS = ("all", "noc", "occ", "bg", "fg", "s0_10", "s10_40", "s40")
"""All counted pixels; not occluded, occluded (MPI-Sintel: matched, unmatched); KITTI 2015's background and
foreground; MPI-Sintel's bands of true speed, px."""

_LARGEST_SUM = 1e280

_STRIP_PIXELS = 1 << 16
"""Scored at once, whole rows: what is computed for each pixel then stays in the cache, half the time of a picture."""

_REGION_TITLES = {"s0_10": "s0-10", "s10_40": "s10-40", "s40": "s40+"}
_SINTEL_TITLES = {"noc": "matched", "occ": "unmatched"}


class Metric(NamedTuple):
    """A number per pixel over a region."""

    measure: str
    region: str

    @property
    def name(self) -> str:
        """`epe` over all counted pixels, `epe_occ` over a region."""
        return self.measure if self.region == "all" else f"{self.measure}_{self.region}"

    @property
    def unit(self) -> str:
        """px, % or deg."""
        return MEASURES[self.measure][1]

    @property
    def scale(self) -> float:
        """What a mean of the numbers per pixel is multiplied by: 100 for percent."""
        return MEASURES[self.measure][2]

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better."""
        return self.measure == "wauc"

    def title(self, dataset: str = "") -> str:
        """For people: `EPE`, `Fl-all`, `EPE s40+`; occluded is `unmatched` with MPI-Sintel."""
        measure = MEASURES[self.measure][0]
        if self.region == "all":
            return "Fl-all" if self.measure == "fl" else measure
        words = _SINTEL_TITLES if dataset.startswith("sintel") else {}
        region = words.get(self.region) or _REGION_TITLES.get(self.region, self.region)
        return f"{measure}{'-' if self.measure == 'fl' else ' '}{region}"


METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (Metric(measure, region) for measure in MEASURES for region in REGIONS)
}


class Cell(NamedTuple):
    """The sum of a number per pixel, and over how many pixels."""

    total: float
    pixels: int


@dataclass(frozen=True)
class Scores:
    """What one pair scored.

    Attributes:
        cells: by name of the metric, in the order of `METRICS`. A metric whose mask was not given is not there; one
            whose region is empty in this picture has 0 pixels.
        lengths: of the true flow at the counted pixels, px; no metric, and not in the record of `to_dict`.
    """

    cells: Mapping[str, Cell]
    lengths: Cell = field(default=Cell(0.0, 0), compare=False)

    @property
    def speed(self) -> float:
        """Mean length of the true flow, px; 0 where no pixel counts."""
        return self.lengths.total / self.lengths.pixels if self.lengths.pixels else 0.0

    def value(self, name: str) -> float | None:
        """The metric of this picture; None where it has no pixel or its mask was not given.

        Raises:
            InputError: no such metric.
        """
        cell = self.cells.get(check_metric(name).name)
        return METRICS[name].scale * (cell.total / cell.pixels) if cell and cell.pixels else None

    def values(self) -> dict[str, float | None]:
        """Every metric of this picture, in the order of `METRICS`."""
        return {name: self.value(name) for name in METRICS}

    def to_dict(self) -> dict[str, list[float]]:
        """What JSON takes, exactly: {"epe": [sum, count], ...}."""
        return {name: [cell.total, cell.pixels] for name, cell in self.cells.items()}

    @staticmethod
    def from_dict(content: Any) -> Scores:
        """The record of `to_dict`.

        Raises:
            InputError: anything else.
        """
        if not isinstance(content, dict):
            raise InputError(f"scores must be a JSON object, got {content!r:.80}")
        for name, cell in content.items():
            check_metric(name)
            if not _is_cell(cell):
                raise InputError(f"scores of {name} must be [sum, count], finite and not negative, got {cell!r:.80}")
        cells = {name: Cell(float(content[name][0]), content[name][1]) for name in METRICS if name in content}
        return Scores(cells)


def check_metric(name: str) -> Metric:
    """The metric of a name.

    Raises:
        InputError: no such metric.
    """
    if name not in METRICS:
        raise InputError(f"metric must be one of {', '.join(METRICS)}; got {name!r:.80}")
    return METRICS[name]


def score(
    flow: ArrayLike,
    gt: ArrayLike,
    valid: ArrayLike | None = None,
    *,
    occluded: ArrayLike | None = None,
    noc_valid: ArrayLike | None = None,
    foreground: ArrayLike | None = None,
    max_flow: float | None = None,
) -> Scores:
    """All metrics of one pair that its masks allow.

    Args:
        flow: (H, W, 2), px.
        gt: the truth, the same shape; pixels that are not finite or above 1e9 are unknown and never count.
        valid: (H, W), bool or numeric (counts from 0.5), as all masks; without it every known pixel counts.
        occluded: (H, W), where no pixel of the second picture corresponds (MPI-Sintel's `occlusions`).
        noc_valid: (H, W), instead of `occluded`: the valid mask of KITTI's `flow_noc`; what is only in `valid` is
            occluded.
        foreground: (H, W), KITTI 2015's `obj_map`: moving objects above 0.
        max_flow: px; only pixels count whose true components are both below it in size.

    Raises:
        InputError: wrong or different shapes, flow not finite at a counted pixel, both `occluded` and `noc_valid`.
    """
    if np.ndim(gt) != 3:
        raise InputError(f"gt must be one picture's, (H, W, 2), got shape {np.shape(gt)}; score a batch one by one")
    if occluded is not None and noc_valid is not None:
        raise InputError("give occluded or noc_valid, not both: each says which pixels are occluded")
    flow, gt = check_pair(flow, gt)
    masks = {"valid": valid, "occluded": occluded, "noc_valid": noc_valid, "foreground": foreground}
    checked = {name: check_mask(mask, gt.shape[:2], name) for name, mask in masks.items() if mask is not None}
    rows = max(1, _STRIP_PIXELS // gt.shape[1])
    strips = [slice(top, top + rows) for top in range(0, gt.shape[0], rows)]
    try:
        scored = [
            _score_strip(flow[strip], gt[strip], max_flow, **{name: mask[strip] for name, mask in checked.items()})
            for strip in strips
        ]
    except InputError:
        pixel_errors(flow, gt, valid, max_flow=max_flow)  # which tells it of the whole picture
        raise
    lengths = _joined([of_strip for _, of_strip in scored])
    return Scores({name: _joined([cells[name] for cells, _ in scored]) for name in scored[0][0]}, lengths)


def _joined(cells: Sequence[Cell]) -> Cell:
    return Cell(sum(cell.total for cell in cells), sum(cell.pixels for cell in cells))


def _score_strip(
    flow: Array,
    gt: Array,
    max_flow: float | None,
    valid: NDArray[np.bool_] | None = None,
    occluded: NDArray[np.bool_] | None = None,
    noc_valid: NDArray[np.bool_] | None = None,
    foreground: NDArray[np.bool_] | None = None,
) -> tuple[dict[str, Cell], Cell]:
    """The metrics of some rows, and the lengths of the true flow."""
    errors = pixel_errors(flow, gt, valid, max_flow=max_flow)
    regions = _speed_bands(errors.length)
    if occluded is not None:
        regions["occ"] = occluded[errors.mask]
        regions["noc"] = ~regions["occ"]
    if noc_valid is not None:
        regions["noc"] = noc_valid[errors.mask]
        regions["occ"] = ~regions["noc"]
    if foreground is not None:
        regions["fg"] = foreground[errors.mask]
        regions["bg"] = ~regions["fg"]
    places = {name: np.flatnonzero(region) for name, region in regions.items()}
    measured = _measured(errors)
    cells = {}
    for name, (measure, region) in METRICS.items():
        if region == "all":
            cells[name] = _sum(measured[measure])
        elif region in places:
            cells[name] = _sum(measured[measure].take(places[region]))
    return cells, _sum(errors.length)


def _measured(errors: PixelErrors) -> dict[str, NDArray[Any]]:
    """The numbers per pixel, by measure."""
    return {
        "epe": errors.epe,
        "fl": errors.fl(),
        "px1": errors.epe > 1,
        "px3": errors.epe > 3,
        "px5": errors.epe > 5,
        "wauc": errors.wauc(),
        "angle": errors.angle(),
    }


def _speed_bands(speed: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    slow, fast = speed < SLOW_PX, speed > FAST_PX
    return {"s0_10": slow, "s10_40": ~slow & ~fast, "s40": fast}


def _sum(numbers: NDArray[Any]) -> Cell:
    total = np.count_nonzero(numbers) if numbers.dtype == np.bool_ else numbers.sum()
    return Cell(float(total), numbers.size)


def _is_cell(cell: Any) -> bool:
    if not (isinstance(cell, list) and len(cell) == 2 and type(cell[0]) in {int, float} and type(cell[1]) is int):
        return False
    # A sum of no pixels, or one that overflows when it is added up, comes from no picture.
    return 0 <= cell[0] <= _LARGEST_SUM and 0 <= cell[1] < 2**53 and (cell[1] > 0 or cell[0] == 0)
