# SPDX-License-Identifier: Apache-2.0
"""`flownet2 demo`: the built-in pair, computed, drawn and measured."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from flownet2 import FlowEstimator
from flownet2.builtin import DEMO_FLOW, DEMO_FRAME1, DEMO_FRAME2
from flownet2.cli import _options
from flownet2.cli._files import prepare_folders
from flownet2.cli._terminal import say_table
from flownet2.io import read_flow, read_image, write_flow, write_image
from flownet2.metrics import epe
from flownet2.types import Array, FloatArray
from flownet2.viz import (
    Panel,
    error_map,
    error_steps,
    flow_to_color,
    make_sheet,
    max_speed,
    with_legend,
    with_scale,
)

HELP = "flow of a real pair with the built-in network, and its error"
DESCRIPTION = """\
Computes flow for two frames of the film Sintel (MPI Sintel, alley_1), writes
the flow and a picture of it, and prints the mean end-point error (EPE) against
the true flow. It really computes: --swap gives other flow and a larger error."""
EXAMPLES = """\
examples:
  flownet2 demo
  flownet2 demo -o somewhere/ --swap
  flownet2 demo --model flownet2.safetensors"""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("-o", "--output", metavar="DIR", default="demo", help="folder (default: %(default)s)")
    parser.add_argument("--swap", action="store_true", help="swap the pictures: the error shows it")
    _options.add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Computes, writes and prints."""
    ending = "_swapped" if args.swap else ""
    flow_path, color_path, sheet_path = (
        Path(args.output) / file for file in (f"flow{ending}.flo", f"flow{ending}.png", f"demo{ending}.png")
    )
    prepare_folders([flow_path])
    frames = [read_image(path) for path in (DEMO_FRAME1, DEMO_FRAME2)]
    truth, valid = read_flow(DEMO_FLOW)
    model = _options.open_estimator(args)
    start = time.perf_counter()
    flow = model(*(frames[::-1] if args.swap else frames), size_rule=model.preprocess.whole_size_rule)
    seconds = time.perf_counter() - start
    error, zero_error = epe(flow, truth, valid), epe(np.zeros_like(truth), truth, valid)
    write_flow(flow_path, flow)
    write_image(color_path, flow_to_color(flow))
    write_image(sheet_path, _sheet(model, frames[0], flow, truth, error, zero_error, swapped=args.swap))
    pair = "pictures swapped" if args.swap else "frame 1 -> frame 2"
    say_table(
        [
            ("pair", f"MPI Sintel, alley_1, {flow.shape[1]}x{flow.shape[0]}, {pair}"),
            (
                "network",
                f"{model.info.get('title', model.network)}, {model.graph.parameter_count / 1e6:.1f} M parameters",
            ),
            ("seconds", f"{seconds:.2f}"),
            ("EPE", f"{error:.3f} px (zero flow: {zero_error:.3f} px)"),
            ("flow", flow_path),
            ("picture", f"{color_path}\n{sheet_path} (frame, flow, truth and error)"),
        ]
    )
    return 0


def _sheet(
    model: FlowEstimator,
    frame: Array,
    flow: FloatArray,
    truth: FloatArray,
    error: float,
    zero_error: float,
    *,
    swapped: bool,
) -> Array:
    scale = max_speed(truth)
    title = model.info.get("title", model.network)
    note = f"mean end-point error {error:.3f} px, zero flow {zero_error:.3f} px"
    how = "frame 2 to frame 1" if swapped else "frame 1 to frame 2"
    panels = [
        Panel(frame, "Frame 1", "MPI Sintel, alley_1"),
        Panel(with_legend(flow_to_color(flow, scale), scale), "Flow", f"computed, {how}"),
        Panel(
            with_scale(error_map(flow, truth), error_steps()), "Error", "end-point error: each colour up to so many px"
        ),
        Panel(with_legend(flow_to_color(truth, scale), scale), "Truth", "frame 1 to frame 2"),
    ]
    return make_sheet(title, note, panels)
