# SPDX-License-Identifier: Apache-2.0
"""`flownet2 convert`: a checkpoint becomes a model file."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from flownet2.cli import _options
from flownet2.cli._files import check_outputs, prepare_folders
from flownet2.cli._terminal import UsageError, say_table
from flownet2.conversion import Change, convert
from flownet2.probe import SEED
from flownet2.weights import Model, load_model
from flownet2.weights.model_file import DTYPES
from flownet2.zoo.catalogue import load_catalogue

HELP = "turn a checkpoint into a model file"
DESCRIPTION = """\
Reads weights without PyTorch and without running anything from the file, tells
which network they are, and writes a model file: weights, graph and conventions
in one safetensors file. The file is read back and compared, and so is its flow
of a pair of made-up pictures, which it carries: flownet2 check repeats it."""
EXAMPLES = """\
examples:
  flownet2 convert flownet2_8x1_sfine_sintel.pth -o flownet2.safetensors
  flownet2 convert checkpoint.pth -o half.safetensors --float16
  flownet2 convert FlowNet2_checkpoint.pth.tar -o nvidia.safetensors
  flownet2 convert FlowNet2-ss_weights.caffemodel.h5 -o small.safetensors
  flownet2 convert state.pth -o model.safetensors --origin ptlflow
  flownet2 convert mine.pth -o mine.safetensors --network flownet2cs \\
      --license CC-BY-4.0 --training-data "FlyingChairs, then our own"

then: flownet2 infer a.png b.png -o flow.flo --model flownet2.safetensors"""

COMMAND = "convert"
SUFFIX = ".safetensors"


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument(
        "checkpoint", metavar="CHECKPOINT", help=".pth, .pth.tar, .ckpt, .caffemodel, .caffemodel.h5 or .safetensors"
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help=f"model file, *{SUFFIX}")
    _options.add_network(parser)
    parser.add_argument("--dtype", choices=DTYPES, help="of the stored weights (default: float32)")
    for dtype in ("float16", "bfloat16"):
        parser.add_argument(f"--{dtype}", action="store_true", help=f"the same as --dtype {dtype}")
    parser.add_argument("--license", metavar="TEXT", help="licence of the weights, stored in the file")
    parser.add_argument("--training-data", metavar="TEXT", help="what they were trained on, stored in the file")


def run(args: argparse.Namespace) -> int:
    """Converts; 0 if the written file holds what was read."""
    output, dtype = Path(args.output), _dtype(args)
    if output.suffix.lower() != SUFFIX:
        raise UsageError(COMMAND, f"-o {output}: a model file ends in {SUFFIX}")
    check_outputs(COMMAND, [(output, "the model file")], [Path(args.checkpoint)])
    model = load_model(args.checkpoint, args.network, args.origin)
    entry = None if model.stored else load_catalogue().publishing(model.info["source"], model.info["origin"])
    facts = {"license": args.license, "training_data": args.training_data or (entry and entry.training_data)}
    told = {key: text for key, text in facts.items() if text is not None}
    model = dataclasses.replace(model, info={**model.info, **told})
    catalogue = [("catalogue", f"{entry.name}, by the name of the file")] if entry else []
    say_table(recognised(model) + catalogue)
    prepare_folders([output])
    change = convert(output, model, dtype)
    say_table(
        [
            ("written", f"{output}, {output.stat().st_size / 1e6:.1f} MB, {dtype}, read back and compared"),
            ("flow", _told(change)),
        ]
    )
    return 0


def _dtype(args: argparse.Namespace) -> str:
    """Of the stored weights, as the options say."""
    said = {f"--dtype {args.dtype}": args.dtype, "--float16": args.float16, "--bfloat16": args.bfloat16}
    named = {option: option.split()[-1].lstrip("-") for option, given in said.items() if given}
    if len(set(named.values())) > 1:
        raise UsageError(COMMAND, f"{' and '.join(named)} contradict each other")
    return next(iter(named.values()), "float32")


def recognised(model: Model) -> list[tuple[str, str]]:
    """What a checkpoint turned out to be."""
    rows = [
        ("network", f"{model.info.get('title', model.graph.name)} ({model.graph.name})"),
        ("origin", model.info.get("origin", "not known")),
        ("parameters", f"{model.graph.parameter_count:,} in {len(model.parameters)} tensors"),
        ("licence", model.info.get("license", "not known; --license stores it")),
    ]
    optional = {"training_data": "trained on", "verified": "verified", "note": "note"}
    return rows + [(title, model.info[key]) for key, title in optional.items() if key in model.info]


def _told(change: Change) -> str:
    """How the written file's flow differs from the checkpoint's."""
    pair = f"on a made-up pair of {change.size[1]}x{change.size[0]} px"
    what = (
        f"differs from the checkpoint's by at most {change.largest:.2g} px, {change.mean:.2g} px on average"
        if change.largest
        else "equals the checkpoint's"
    )
    return f"{what}, {pair} (seed {SEED}); its median length there is {change.median_speed:.3g} px"
