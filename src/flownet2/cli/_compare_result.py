# SPDX-License-Identifier: Apache-2.0
"""What `flownet2 compare` finds of two files, and the picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flownet2.cli._compare_files import Item
from flownet2.comparison import Better, Difference, compare_flows, which_is_better
from flownet2.errors import FlowFileError
from flownet2.evaluation import Scores, score
from flownet2.io import read_flow
from flownet2.io.arrays import Flow
from flownet2.types import Array
from flownet2.viz import (
    Panel,
    difference_map,
    difference_steps,
    error_map,
    error_steps,
    flow_to_color,
    make_sheet,
    max_speed,
    with_legend,
    with_scale,
)


class Compared:
    """What is known of two files."""

    def __init__(self, item: Item) -> None:
        self.item = item
        a, b = read_flow(item.a), read_flow(item.b)
        _check_size(item.a, a, item.b, b)
        self.flows = a, b
        self.difference: Difference = compare_flows(a, b)
        self.truth: Flow | None = None
        self.scores: tuple[Scores, Scores] | None = None
        self.better: Better | None = None
        if item.truth is not None:
            self.truth = read_flow(item.truth)
            _check_size(item.a, a, item.truth, self.truth)
            counted = self.truth.valid & a.valid & b.valid
            first, second = (score(flow.flow, self.truth.flow, counted) for flow in self.flows)
            self.scores = first, second
            self.better = which_is_better(a.flow, b.flow, self.truth.flow, counted)

    def picture(self, max_flow: float | None) -> Array:
        """Both flows in one scale of colours, their difference, and the truth and the errors if there is one."""
        a, b = self.flows
        truth = self.truth
        scale = max_flow or (max_speed(*truth) if truth else max(max_speed(*a), max_speed(*b)))
        panels = [Panel(_colored(flow, scale), letter, str(path)) for flow, letter, path in self._named()]
        apart = with_scale(difference_map(a.flow, b.flow, a.valid & b.valid), difference_steps())
        largest = self.difference.largest_px
        note = "no pixel is known in both" if largest is None else f"largest {largest:.3g} px"
        panels.append(Panel(apart, "Difference", note))
        if truth is None:
            return make_sheet("", f"full colour is {scale:.3g} px", panels, _columns(len(panels), apart))
        assert self.scores is not None
        for (flow, letter, _), scores in zip(self._named(), self.scores, strict=True):
            picture = error_map(flow.flow, truth.flow, truth.valid & a.valid & b.valid)
            error = scores.value("epe")
            note = "" if error is None else f"EPE {error:.3f} px"
            panels.append(Panel(with_scale(picture, error_steps()), f"Error of {letter}", note))
        panels.insert(2, Panel(_colored(truth, scale), "Truth", str(self.item.truth)))
        return make_sheet("", f"full colour is {scale:.3g} px", _in_rows(panels), _columns(len(panels), apart))

    def _named(self) -> Sequence[tuple[Flow, str, Path]]:
        return (self.flows[0], "A", self.item.a), (self.flows[1], "B", self.item.b)

    def forget_pixels(self) -> None:
        """Of many files only the numbers are kept."""
        del self.flows
        self.truth = None


def _check_size(path: Path, flow: Flow, other_path: Path, other: Flow) -> None:
    if flow.flow.shape != other.flow.shape:
        sizes = ["{1}x{0}".format(*array.shape) for array in (flow.flow, other.flow)]
        raise FlowFileError(f"{path} has {sizes[0]} pixels, {other_path} has {sizes[1]}; both must be of one size")


def _colored(flow: Flow, scale: float) -> Array:
    return with_legend(flow_to_color(flow.flow, scale, flow.valid), scale)


def _columns(count: int, picture: Array) -> int:
    """Wide pictures below each other, others in one row or, with a truth, in two."""
    if count == 3:
        return 1 if picture.shape[1] > 2 * picture.shape[0] else 3
    return 2 if picture.shape[1] > 2 * picture.shape[0] else 3


def _in_rows(panels: list[Panel]) -> list[Panel]:
    """A, B, truth, difference and the two errors, each error below its flow."""
    a, b, truth, difference, error_a, error_b = panels
    wide = _columns(len(panels), a.picture) == 2
    return [a, b, error_a, error_b, truth, difference] if wide else [a, b, truth, error_a, error_b, difference]
