# SPDX-License-Identifier: Apache-2.0
"""`flownet2 info`: what a model is and where it comes from."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from flownet2.builtin import model_path
from flownet2.cli import _options
from flownet2.cli._terminal import say, say_table
from flownet2.graph import Graph, graph_to_json
from flownet2.ops import attributes as at
from flownet2.preprocess import Preprocess
from flownet2.probe import Probe
from flownet2.weights import Model, load_model

HELP = "what a model is: network, conventions, origin, licence"
DESCRIPTION = """\
Tells of a built-in network, a model file or a foreign checkpoint: which network
it is, how it takes its pictures, where the weights come from."""
EXAMPLES = """\
examples:
  flownet2 info flownet2-lite
  flownet2 info checkpoint.pth             is it recognised?
  flownet2 info model.safetensors --tensors
  flownet2 info model.safetensors --graph > graph.json
  flownet2 info model.safetensors --json"""

# Facts with a row of their own; further ones of a model file follow under their own names.
_TITLES = {
    "origin": "origin",
    "license": "licence",
    "training_data": "trained on",
    "source": "source",
    "source_sha256": "source SHA-256",
}


_SIZE_RULES = {"resize": "resized", "pad": "padded", "crop": "the centre is cut out"}


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        default=_options.DEFAULT_MODEL,
        help="name, model file or checkpoint (default: %(default)s)",
    )
    _options.add_network(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tensors", action="store_true", help="list the weights too: name and shape")
    form.add_argument("--graph", action="store_true", help="print the graph's JSON text, and nothing else")
    form.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Prints."""
    path = Path(model_path(args.model))
    model = load_model(path, args.network, args.origin)
    if args.graph:
        say(graph_to_json(model.graph))
    elif args.json:
        say(json.dumps(facts(model, path), indent=2))
    else:
        say_table(rows(model, path))
        if args.tensors:
            say()
            say_table((name, _shape(shape)) for name, shape in model.graph.parameters.items())
    return 0


def facts(model: Model, path: Path) -> dict[str, Any]:
    """What `--json` prints."""
    graph = model.graph
    return {
        "name": graph.name,
        "title": model.info.get("title", graph.name),
        "file": str(path),
        "bytes": path.stat().st_size,
        "parameters": graph.parameter_count,
        "stored_dtype": model.stored or None,
        "size_multiple": graph.size_multiple,
        "operators": dict(collections.Counter(node.op for node in graph.nodes)),
        "inputs": {item.name: item.channels for item in graph.inputs},
        "outputs": dict(graph.outputs),
        "conventions": conventions(graph),
        "preprocess": dataclasses.asdict(model.preprocess),
        "info": dict(model.info),
        "self_check": None if model.probe is None else {"seed": model.probe.seed, "size": _probe_size(model.probe)},
        "tensors": {name: list(shape) for name, shape in graph.parameters.items()},
    }


def rows(model: Model, path: Path) -> list[tuple[str, str]]:
    """What is printed for people."""
    graph, info, rules = model.graph, model.info, model.preprocess
    operators = collections.Counter(node.op for node in graph.nodes)
    table = [
        ("name", graph.name),
        ("title", info.get("title", graph.name)),
        ("file", f"{path} ({path.stat().st_size / 1e6:.1f} MB)"),
        ("parameters", f"{graph.parameter_count:,} in {len(graph.parameters)} tensors"),
        *([("stored as", model.stored)] if model.stored else []),
        ("graph", f"{len(graph.nodes)} nodes: " + ", ".join(f"{count} {op}" for op, count in operators.items())),
        ("picture sizes", f"any; inside, multiples of {graph.size_multiple}; {_SIZE_RULES[rules.size_rule]}"),
        ("takes", f"{rules.channel_order.upper()}, x / 255{_less(rules)}"),
    ]
    table += [(op, rule) for op, rule in conventions(graph).items()]
    table += [(title, info.get(key, "not known")) for key, title in _TITLES.items()]
    if info.get("verified") == "false":
        table.append(("verified", "false: its origin's own code has given no output to compare with"))
    table += [(key, text) for key, text in info.items() if key not in (*_TITLES, "title", "verified")]
    if model.probe is not None:
        table.append(("self-check", f"{_probe_size(model.probe)} px; flownet2 check MODEL repeats it"))
    return table


def _less(rules: Preprocess) -> str:
    """What is subtracted from the pictures."""
    if rules.mean_rule == "given":
        means = [rules.mean] if rules.second_mean is None else [rules.mean, rules.second_mean]
        texts = [f"({', '.join(f'{value:.6g}' for value in mean)})" for mean in means]
        return f" - {' and '.join(texts)}" if any(map(any, means)) else ""
    return " - the mean of both pictures" if rules.mean_rule == "pair" else " - the mean of each picture"


def _probe_size(probe: Probe) -> str:
    return f"{probe.flow.shape[1]}x{probe.flow.shape[0]}"


def conventions(graph: Graph) -> dict[str, str]:
    """Operator -> what the origins of weights compute differently there, as this graph has it."""
    rules: dict[str, dict[str, None]] = {}
    for node in graph.nodes:
        if isinstance(node.attributes, at.Correlation):
            reach, stride = node.attributes.max_displacement, node.attributes.stride
            text = f"{node.attributes.reduction} over the channels, up to {reach} px in steps of {stride}"
        elif isinstance(node.attributes, at.Warp):
            text = f"padding {node.attributes.padding}, align_corners {node.attributes.align_corners}"
        elif isinstance(node.attributes, at.Resize):
            text = f"{node.attributes.mode}, align_corners {node.attributes.align_corners}"
        elif isinstance(node.attributes, at.Elementwise) and node.attributes.kind == "scale":
            text = f"x {node.attributes.factor:g}"
        else:
            continue
        rules.setdefault("scale" if node.op == "elementwise" else node.op, {})[text] = None
    return {op: "; ".join(texts) for op, texts in rules.items()}


def _shape(shape: tuple[int, ...]) -> str:
    return f"{' x '.join(map(str, shape)):<20} {math.prod(shape):>12,}"
