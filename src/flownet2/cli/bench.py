# SPDX-License-Identifier: Apache-2.0
"""`flownet2 bench`: prints what flownet2.bench measures."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flownet2.atomic import atomic_write
from flownet2.bench import Measurement, measure
from flownet2.cli import _options
from flownet2.cli._files import prepare_folders
from flownet2.cli._terminal import aligned, progress, say, say_table
from flownet2.executors import DEFAULT
from flownet2.executors.cuda import open_device

HELP = "how fast a model is on this machine"
DESCRIPTION = """\
Times whole calls, uint8 pictures in, flow out, after one to warm up. The
pictures are random blocks: the time does not depend on what they show.

GFLOP/s count the multiplications and additions of the network's definition.
They are compared with what this processor computes at best, which is measured
before and after; Winograd's convolutions multiply less, so more than 100 % is
possible. Close other programs first.

On a GPU (--device cuda) a call begins and ends with pictures and flow of the
CPU, copies included, and there is no peak to compare with; flownet2 check
--device cuda times networks by the GPU's own clock."""
EXAMPLES = """\
examples:
  flownet2 bench
  flownet2 bench --size 1920x1080 --threads 1
  flownet2 bench --size 192x128 --batch 8          pairs per second of batches
  flownet2 bench --model flownet2.safetensors --rounds 5 --layers
  flownet2 bench --executor numpy --json
  flownet2 bench --json speed.json                 the table, and a record

FLOWNET2_ISA=avx2 flownet2 bench takes another instruction set."""

_TITLES = ("layer", "operator", "ms", "share", "GFLOP/s")


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument(
        "--size", type=_size, metavar="WxH", default=(1024, 436), help="of the pictures (default: 1024x436)"
    )
    parser.add_argument("--batch", type=int, metavar="N", default=1, help="pairs in a call (default: %(default)s)")
    parser.add_argument("--rounds", type=int, metavar="R", default=10, help="timed calls (default: %(default)s)")
    parser.add_argument(
        "--layers", action="store_true", help="the time of every layer, too (executor native, or a GPU)"
    )
    parser.add_argument(
        "--json", nargs="?", const=True, metavar="FILE", help="print JSON, or print the table and write JSON to FILE"
    )
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="show a progress bar (default: on a terminal)"
    )
    _options.add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Measures and prints."""
    to_file = isinstance(args.json, str)
    if to_file:
        prepare_folders([Path(args.json)])
    runs = 1 + args.rounds * (2 if args.layers else 1)
    with progress(runs, " run", args.progress) as bar:
        found = measure(
            functools.partial(_options.open_estimator, args),
            size=args.size,
            batch=args.batch,
            rounds=args.rounds,
            precision=args.precision,
            layers=args.layers,
            gpu=_gpu_name(args.device),
            tick=bar.update,
        )
    executor = args.executor or (DEFAULT if found.gpu is None else args.device)
    text = json.dumps({"model": args.model, "executor": executor, **facts(found)}, indent=2)
    if args.json is True:
        say(text)
        return 0
    say_table(rows(found, args.model, executor))
    if found.layers:
        say()
        for line in layer_lines(found):
            say(line)
    if to_file:
        with atomic_write(args.json) as file:
            file.write(f"{text}\n".encode())
        say(f"\nwritten to {args.json}")
    return 0


def _gpu_name(device: str) -> str | None:
    """None for the CPU."""
    return None if device == "cpu" else open_device(_options.gpu_index(device)).facts()["name"]


def facts(found: Measurement) -> dict[str, Any]:
    """What `--json` gives: everything measured, and what follows from it."""
    content = dataclasses.asdict(found)
    content["median_s"], content["min_s"], content["max_s"] = found.median_s, min(found.seconds), max(found.seconds)
    content["pairs_per_second"] = found.pairs_per_second
    content["gflops"] = found.gflops
    if found.peak is not None:
        content["peak"]["gflops"] = found.peak.gflops
    content["peak_share"] = found.peak_share
    for item, layer in zip(content["layers"], found.layers, strict=True):
        item["gflops"] = layer.gflops
    return content


def rows(found: Measurement, model: str, executor: str) -> list[tuple[str, str]]:
    """What is printed for people."""
    memory = found.peak_memory_bytes
    pairs = "1 pair" if found.batch == 1 else f"{found.batch} pairs"
    where = f"ISA {found.isa}, {found.threads} threads" if found.gpu is None else found.gpu
    lines = [
        ("model", f"{model}: {found.network}, {found.parameters / 1e6:.1f} M parameters"),
        ("pictures", f"{pairs} of {_by(found.size)}, the network at {_by(found.network_size)}"),
        ("executor", f"{executor}, {found.precision}, {where}"),
        ("CPU", f"{found.machine['cpu']}, {found.machine['cpus']} CPUs usable"),
        (
            "a call",
            f"{found.median_s:.4f} s median, {min(found.seconds):.4f} .. {max(found.seconds):.4f} s "
            f"in {len(found.seconds)} rounds",
        ),
        ("pairs per second", f"{found.pairs_per_second:.2f}"),
        (
            "arithmetic",
            f"{2e-9 * found.multiply_adds:.1f} GFLOP a call, {found.gflops:.0f} GFLOP/s"
            + ("" if found.peak_share is None else f", {100 * found.peak_share:.0f} % of the processor's peak"),
        ),
        ("first result", f"{found.first_result_s:.3f} s after loading began"),
        ("peak memory", "not known" if memory is None else f"{memory / 1e6:.0f} MB, the whole process"),
    ]
    if found.peak is not None:
        peak = f"{found.peak.before:.0f} GFLOP/s before, {found.peak.after:.0f} after ({found.peak.kind})"
        lines.insert(-2, ("peak", peak))
    return lines


def layer_lines(found: Measurement) -> Iterator[str]:
    """The table of the layers, and their total; of values that are computed together, the first and how many more."""
    total = sum(layer.milliseconds for layer in found.layers)
    lines = [
        (
            layer.values[0] + (f" + {len(layer.values) - 1}" if layer.values[1:] else ""),
            layer.op,
            f"{layer.milliseconds:.3f}",
            f"{100 * layer.milliseconds / total:.1f} %",
            "" if layer.gflops is None else f"{layer.gflops:.0f}",
        )
        for layer in found.layers
    ]
    lines.append(("total", "", f"{total:.3f}", "100.0 %", ""))
    yield from aligned([_TITLES, *lines], "<<>>>")


def _size(text: str) -> tuple[int, int]:
    """1024x436 -> (width, height).

    Raises:
        argparse.ArgumentTypeError: it has another form.
    """
    match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, such as 1024x436, got {text!r}")
    return int(match[1]), int(match[2])


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
