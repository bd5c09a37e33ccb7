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
from flownet2.cli._compare_result import Compared
from flownet2.cli._files import check_outputs, prepare_folders
from flownet2.cli._terminal import Tally, is_failure, progress, say
from flownet2.io import FLOW_SUFFIXES, write_image

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


def _distance(text: str) -> float:
    """A distance in pixels, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"must be a number of pixels, 0 or more, got {text!r}")
    return number
