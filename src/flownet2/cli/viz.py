# SPDX-License-Identifier: Apache-2.0
"""`flownet2 viz`: pictures of flow files, and of their errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from flownet2.cli import _options
from flownet2.cli._files import check_outputs, names_folder, prepare_folders
from flownet2.cli._terminal import Tally, UsageError, is_failure, progress, say
from flownet2.errors import FlowFileError
from flownet2.io import FLOW_SUFFIXES, read_flow, write_image
from flownet2.io.arrays import Flow
from flownet2.io.folders import WRITTEN_PICTURE_SUFFIXES, files_in
from flownet2.metrics import epe, fl_all
from flownet2.viz import error_map, flow_to_color, max_speed, with_legend

HELP = "colour picture of a flow file, or of its error"
DESCRIPTION = """\
Draws flow in Middlebury's colours: the hue is the direction, the saturation
the speed; white stands still, black is unknown. With --gt it draws the error
in KITTI's colours instead (blue is right, yellow to red wrong) and prints it."""
EXAMPLES = """\
examples:
  flownet2 viz flow.flo -o flow.png
  flownet2 viz flow.flo -o flow.png --max-flow 20 --legend
  flownet2 viz flow/*.flo -o colours/ --max-flow 20   one scale for a video
  flownet2 viz flow.flo -o error.png --gt truth.flo"""

COMMAND = "viz"


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("flows", nargs="+", metavar="FLOW", help=f"flow files: {', '.join(FLOW_SUFFIXES)}")
    parser.add_argument("-o", "--output", metavar="PATH", required=True, help="picture; a folder for several")
    parser.add_argument(
        "--max-flow",
        type=_options.positive_or_frame,
        metavar="PX|frame",
        help="speed in full colour: pixels, or each frame's fastest (default: frame)",
    )
    parser.add_argument("--legend", action="store_true", help="lay the colour wheel and its scale over a corner")
    parser.add_argument("--gt", metavar="PATH", help="true flow: a file, or a folder with files of the same name")


def run(args: argparse.Namespace) -> int:
    """Draws; the exit code tells whether all went well."""
    flows = [Path(text) for text in args.flows]
    truths = _truths(flows, args.gt)
    outputs = _pictures(flows, args.output)
    inputs = [*flows, *(truth for truth in truths if truth is not None)]
    check_outputs(COMMAND, zip(outputs, map(str, flows), strict=True), inputs)
    prepare_folders(outputs)
    tally = Tally()
    with progress(len(flows), " flow", None) as bar:
        for flow, truth, output in zip(flows, truths, outputs, strict=True):
            try:
                text = _draw(flow, truth, output, args)
            except Exception as error:
                if not is_failure(error):
                    raise
                tally.fail(str(flow), error)
            else:
                tally.done += 1
                say(f"{output}: {text}")
            bar.update()
    if len(flows) > 1:
        say(str(tally))
    return tally.close()


def _pictures(flows: Sequence[Path], output: str) -> list[Path]:
    path = Path(output)
    looks_like_file = path.suffix.lower() in WRITTEN_PICTURE_SUFFIXES
    if names_folder(output) or (len(flows) > 1 and not looks_like_file):
        return [path / (flow.stem + ".png") for flow in flows]
    if len(flows) > 1:
        raise UsageError(COMMAND, f"-o {path} names a file, but several flows need a folder")
    if not looks_like_file:
        known = ", ".join(WRITTEN_PICTURE_SUFFIXES)
        raise UsageError(COMMAND, f"-o {path}: the suffix tells the format: {known}; a new folder ends with /")
    return [path]


def _truths(flows: Sequence[Path], text: str | None) -> list[Path | None]:
    """The true flow of each file, None where there is none to compare with."""
    if text is None:
        return [None] * len(flows)
    truth = Path(text)
    if not truth.is_dir():
        if len(flows) > 1:
            raise UsageError(COMMAND, f"--gt {truth} is one file for {len(flows)} flows; give a folder")
        return [truth]
    by_name = {path.stem: path for path in files_in(truth, FLOW_SUFFIXES)}
    missing = [str(flow) for flow in flows if flow.stem not in by_name]
    if missing:
        raise UsageError(COMMAND, f"--gt {truth} has no file of the name of {', '.join(missing[:4])}")
    return [by_name[flow.stem] for flow in flows]


def _draw(path: Path, truth_path: Path | None, output: Path, args: argparse.Namespace) -> str:
    """Writes a picture; returns what to say of it."""
    flow, valid = read_flow(path)
    if truth_path is not None:
        return _draw_error(path, Flow(flow, valid), truth_path, output)
    fastest = max_speed(flow, valid)
    scale = args.max_flow or fastest
    picture = flow_to_color(flow, scale, valid)
    write_image(output, with_legend(picture, scale) if args.legend else picture)
    return f"{flow.shape[1]}x{flow.shape[0]}, full colour is {scale:.4g} px"


def _draw_error(path: Path, result: Flow, truth_path: Path, output: Path) -> str:
    truth, valid = read_flow(truth_path)
    if truth.shape != result.flow.shape:
        sizes = ["{1}x{0}".format(*array.shape) for array in (result.flow, truth)]
        raise FlowFileError(f"{path} has {sizes[0]} pixels, {truth_path} has {sizes[1]}")
    both = valid & result.valid
    write_image(output, error_map(result.flow, truth, both))
    return (
        f"EPE {epe(result.flow, truth, both):.3f} px, Fl {fl_all(result.flow, truth, both):.2f} %, "
        f"{100 * both.mean():.1f} % of the pixels known"
    )
