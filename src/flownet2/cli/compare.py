# SPDX-License-Identifier: Apache-2.0
"""`flownet2 compare`: two flow files, or two folders of them, beside each other."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flownet2.atomic import atomic_write
from flownet2.cli import _options
from flownet2.cli._compare_files import Item, make_items
from flownet2.cli._compare_report import folder_lines, item_lines, to_dict
from flownet2.cli._files import check_outputs, prepare_folders
from flownet2.cli._terminal import Tally, is_failure, progress, say
from flownet2.comparison import Better, Difference, compare_flows, which_is_better
from flownet2.errors import FlowFileError
from flownet2.evaluation import Scores, score
from flownet2.io import FLOW_SUFFIXES, read_flow, write_image
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

HELP = "how far two flow files are apart"
DESCRIPTION = f"""\
Compares two flow files of any formats ({", ".join(FLOW_SUFFIXES)})
over the pixels known in both: the largest difference and where it is, mean,
percentiles, shares of pixels, and whether they are equal bit for bit. With --gt
also every metric of each, and at how many pixels which is nearer to the truth.

Two folders are compared file by file, by their names without suffix, folders in
them too; a file that one of them lacks is a failure. A .png beside another flow
file of its name is taken for a picture of that and left alone."""
EXAMPLES = """\
examples:
  flownet2 compare a.flo b.flo
  flownet2 compare a.flo b.png --gt truth.flo -o compared.png
  flownet2 compare before/ after/ --gt truth/ -o pictures/
  flownet2 compare cpu.flo gpu.flo --max-diff 0.01
  flownet2 compare before/ after/ --json compared.json

exit code: 0 compared, 1 something failed, or a pixel is farther apart than
--max-diff or known in one of the two only; 2 wrong usage."""


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


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("a", metavar="A", help="a flow file, or a folder of them")
    parser.add_argument("b", metavar="B", help="the other one")
    parser.add_argument("--gt", metavar="PATH", help="true flow: a file, or a folder with files of the same names")
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="picture of both and their difference; a folder for several"
    )
    parser.add_argument(
        "--max-flow",
        type=_options.positive,
        metavar="PX",
        help="speed in full colour in the picture (default: fastest)",
    )
    parser.add_argument("--max-diff", type=_distance, metavar="PX", help="fail if a pixel is farther apart")
    parser.add_argument(
        "--json",
        nargs="?",
        const=True,
        metavar="FILE",
        help="print JSON, or print the text and write JSON to FILE",
    )


def run(args: argparse.Namespace) -> int:
    """Compares; the exit code tells whether all went well."""
    items, alone = make_items(args.a, args.b, args.gt, args.output)
    _check_outputs(items, args)
    tally = Tally(failures=list(alone))
    results: list[Compared] = []
    with progress(len(items), " pair", None) as bar:
        for item in items:
            try:
                results.append(_compare(item, args, tally))
            except Exception as error:
                if not is_failure(error):
                    raise
                tally.fail(item.name, error)
            bar.update()
    content = {"files": [to_dict(result) for result in results], "failures": tally.failures}
    if args.json is True:
        say(json.dumps(content, indent=2))
    else:
        single = not Path(args.a).is_dir()
        for line in (line for result in results for line in item_lines(result)) if single else folder_lines(results):
            say(line)
    if isinstance(args.json, str):
        _write_json(args.json, content)
    return tally.close()


def _compare(item: Item, args: argparse.Namespace, tally: Tally) -> Compared:
    result = Compared(item)
    if item.picture is not None:
        write_image(item.picture, result.picture(args.max_flow))
    result.forget_pixels()
    difference = result.difference
    if args.max_diff is not None and not difference.within(args.max_diff):
        reasons = []
        if difference.largest_px is not None and difference.largest_px > args.max_diff:
            reasons.append(f"{difference.largest_px:.4g} px apart, more than --max-diff {args.max_diff:g}")
        if difference.known_in_one:
            reasons.append(f"{difference.known_in_one} pixels are known in one of the two only")
        tally.failures.append(f"{item.name}: {'; '.join(reasons)}")
    return result


def _check_outputs(items: Sequence[Item], args: argparse.Namespace) -> None:
    outputs = [(item.picture, item.name) for item in items if item.picture is not None]
    if isinstance(args.json, str):
        outputs.append((Path(args.json), "the JSON"))
    inputs = [path for item in items for path in (item.a, item.b, item.truth) if path is not None]
    check_outputs("compare", outputs, inputs)
    prepare_folders(path for path, _ in outputs)


def _write_json(path: str, content: dict[str, Any]) -> None:
    with atomic_write(path) as file:
        file.write(f"{json.dumps(content, indent=2)}\n".encode())


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


def _distance(text: str) -> float:
    """A distance in pixels, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"must be a number of pixels, 0 or more, got {text!r}")
    return number
