# SPDX-License-Identifier: Apache-2.0
"""`flownet2 viz`: pictures of flow files, and of their errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flownet2.cli import _options
from flownet2.cli._files import check_outputs, names_folder, prepare_folders
from flownet2.cli._terminal import Tally, UsageError, is_failure, progress, say
from flownet2.errors import FlowFileError, ImageError
from flownet2.io import FLOW_SUFFIXES, read_flow, read_image, write_image
from flownet2.io.arrays import Flow
from flownet2.io.folders import PICTURE_SUFFIXES, WRITTEN_PICTURE_SUFFIXES, files_in
from flownet2.metrics import epe, fl_all
from flownet2.types import Array
from flownet2.viz import (
    arrow_scale,
    draw_arrows,
    error_map,
    error_steps,
    flow_to_color,
    max_speed,
    side_by_side,
    with_legend,
    with_scale,
)

HELP = "colour picture of a flow file, or of its error"
DESCRIPTION = """\
Draws flow in Middlebury's colours: the hue is the direction, the saturation
the speed; white stands still, black is unknown. --arrows draws arrows on it,
or on the frame of --image.

With --gt it draws the error in KITTI's colours instead (blue is right, yellow
to red wrong) and prints it. --side-by-side puts all that there is on one page:
image, flow, truth and error, flow and truth in one scale of colours."""
EXAMPLES = """\
examples:
  flownet2 viz flow.flo -o flow.png
  flownet2 viz flow.flo -o flow.png --max-flow 20 --legend
  flownet2 viz flow/*.flo -o colours/ --max-flow 20   one scale for a video
  flownet2 viz flow.flo -o arrows.png --arrows --image frame1.png
  flownet2 viz flow.flo -o arrows.png --arrows 32 --arrow-scale 1
  flownet2 viz flow.flo -o error.png --gt truth.flo --legend
  flownet2 viz flow.flo -o page.png --image frame1.png --gt truth.flo \\
                --side-by-side"""

COMMAND = "viz"


class _Inputs(NamedTuple):
    """The files of one picture."""

    flow: Path
    truth: Path | None
    image: Path | None


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
    parser.add_argument(
        "--legend", action="store_true", help="lay the colour wheel and its scale, or that of errors, over a corner"
    )
    parser.add_argument("--gt", metavar="PATH", help="true flow: a file, or a folder with files of the same name")
    parser.add_argument(
        "--image",
        metavar="FRAME",
        help="first picture of the pair, for --arrows and --side-by-side: a file, or a folder as for --gt",
    )
    parser.add_argument(
        "--arrows", nargs="?", const=0, type=_step, metavar="STEP", help="an arrow at every STEP pixels (default: auto)"
    )
    parser.add_argument(
        "--arrow-scale",
        type=_options.positive,
        metavar="X",
        help="length of an arrow per length of its motion; 1 ends where the point goes (default: auto)",
    )
    parser.add_argument("--side-by-side", action="store_true", help="one page of image, flow, truth and error")


def _step(text: str) -> int:
    """Pixels between arrows."""
    if not (text.isdecimal() and int(text) >= 2):
        raise argparse.ArgumentTypeError(f"must be a whole number of pixels, at least 2, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Draws; the exit code tells whether all went well."""
    _check_options(args)
    flows = [Path(text) for text in args.flows]
    truths = _partners(flows, args.gt, "--gt", FLOW_SUFFIXES)
    images = _partners(flows, args.image, "--image", PICTURE_SUFFIXES)
    sources = [_Inputs(*paths) for paths in zip(flows, truths, images, strict=True)]
    outputs = _pictures(flows, args.output)
    inputs = [path for source in sources for path in source if path is not None]
    check_outputs(COMMAND, zip(outputs, map(str, flows), strict=True), inputs)
    prepare_folders(outputs)
    tally = Tally()
    with progress(len(flows), " flow", None) as bar:
        for source, output in zip(sources, outputs, strict=True):
            try:
                text = _draw(source, output, args)
            except Exception as error:
                if not is_failure(error):
                    raise
                tally.fail(str(source.flow), error)
            else:
                tally.done += 1
                say(f"{output}: {text}")
            bar.update()
    if len(flows) > 1:
        say(str(tally))
    return tally.close()


def _check_options(args: argparse.Namespace) -> None:
    if args.arrow_scale is not None and args.arrows is None:
        raise UsageError(COMMAND, "--arrow-scale is for --arrows")
    if args.image is not None and args.arrows is None and not args.side_by_side:
        raise UsageError(COMMAND, "--image is for --arrows or --side-by-side")
    if args.arrows is not None and args.gt is not None and not args.side_by_side:
        raise UsageError(COMMAND, "--gt draws the error, which has no arrows; add --side-by-side for both")


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


def _partners(flows: Sequence[Path], text: str | None, option: str, suffixes: Sequence[str]) -> list[Path | None]:
    """The file of an option that goes with each flow, None where the option is not given."""
    if text is None:
        return [None] * len(flows)
    partner = Path(text)
    if not partner.is_dir():
        if len(flows) > 1:
            raise UsageError(COMMAND, f"{option} {partner} is one file for {len(flows)} flows; give a folder")
        return [partner]
    by_name = {path.stem: path for path in files_in(partner, suffixes)}
    missing = [str(flow) for flow in flows if flow.stem not in by_name]
    if missing:
        raise UsageError(COMMAND, f"{option} {partner} has no file of the name of {', '.join(missing[:4])}")
    return [by_name[flow.stem] for flow in flows]


def _draw(source: _Inputs, output: Path, args: argparse.Namespace) -> str:
    """Writes a picture; returns what to say of it."""
    result = read_flow(source.flow)
    truth = None if source.truth is None else _same_size(source, read_flow(source.truth), result)
    image = None if source.image is None else _frame(source, result)
    if args.side_by_side:
        return _draw_page(source, result, truth, image, output, args)
    if truth is not None:
        picture = error_map(result.flow, truth.flow, result.valid & truth.valid)
        write_image(output, with_scale(picture, error_steps()) if args.legend else picture)
        return _error_text(result, truth)
    flow, valid = result
    scale = args.max_flow or max_speed(flow, valid)
    picture = flow_to_color(flow, scale, valid) if image is None else image
    text = f"{flow.shape[1]}x{flow.shape[0]}, full colour is {scale:.4g} px"
    if args.arrows is not None:
        step = args.arrows or None
        length = args.arrow_scale or arrow_scale(flow, valid, step=step)
        picture = draw_arrows(picture, flow, valid, step=step, scale=length)
        text = f"{text if image is None else text.partition(',')[0]}, arrows are {length:g} times the motion"
    # The wheel explains colours, which a frame has not.
    write_image(output, with_legend(picture, scale) if args.legend and image is None else picture)
    return text


def _draw_page(
    source: _Inputs, result: Flow, truth: Flow | None, image: Array | None, output: Path, args: argparse.Namespace
) -> str:
    page = side_by_side(
        result.flow,
        image=image,
        truth=None if truth is None else truth.flow,
        valid=result.valid,
        truth_valid=None if truth is None else truth.valid,
        max_flow=args.max_flow,
        title=source.flow.stem,
        arrows=args.arrows,
        arrow_size=args.arrow_scale,
    )
    write_image(output, page)
    text = f"{result.flow.shape[1]}x{result.flow.shape[0]}"
    return text if truth is None else f"{text}, {_error_text(result, truth)}"


def _error_text(result: Flow, truth: Flow) -> str:
    both = truth.valid & result.valid
    return (
        f"EPE {epe(result.flow, truth.flow, both):.3f} px, Fl {fl_all(result.flow, truth.flow, both):.2f} %, "
        f"{100 * both.mean():.1f} % of the pixels known"
    )


def _same_size(source: _Inputs, truth: Flow, result: Flow) -> Flow:
    if truth.flow.shape != result.flow.shape:
        sizes = ["{1}x{0}".format(*array.shape) for array in (result.flow, truth.flow)]
        raise FlowFileError(f"{source.flow} has {sizes[0]} pixels, {source.truth} has {sizes[1]}")
    return truth


def _frame(source: _Inputs, result: Flow) -> Array:
    """The frame in 8 bits."""
    assert source.image is not None
    image = read_image(source.image)
    if image.shape[:2] != result.flow.shape[:2]:
        sizes = ["{1}x{0}".format(*array.shape) for array in (result.flow, image)]
        raise ImageError(f"{source.flow} has {sizes[0]} pixels, {source.image} has {sizes[1]}")
    return (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
