# SPDX-License-Identifier: Apache-2.0
"""The check of a GPU as text, as JSON, and as a file."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flownet2.atomic import atomic_write
from flownet2.cli._files import prepare_folders
from flownet2.cli._terminal import aligned, progress, say
from flownet2.cuda_check.report import CudaReport, Difference, Peer, Settings, Timing
from flownet2.cuda_check.run import check_cuda, job_count
from flownet2.executors.cuda import Device

_MIB = 2.0**20


def run(args: argparse.Namespace, device: Device, settings: Settings) -> int:
    """Checks and prints; 1 if anything failed."""
    if args.output is not None:
        prepare_folders([Path(args.output)])
    with progress(job_count(device, settings), " check", args.progress) as bar:
        report = check_cuda(device, settings, bar.update)
    text = json.dumps({**dataclasses.asdict(report), "failures": report.failures}, indent=2)
    if args.json:
        say(text)
    else:
        for line in lines(report):
            say(line)
    if args.output is not None:
        with atomic_write(args.output) as file:
            file.write(f"{text}\n".encode())
        if not args.json:
            say(f"\nwritten to {args.output}: send us this file")
    return 1 if report.failures else 0


def lines(report: CudaReport) -> Iterator[str]:
    """What people read."""
    yield f"check of GPU {report.settings.index}, {report.date}"
    yield from _pairs(report.versions)
    for index, facts in report.gpus.items():
        yield f"\nGPU {index}"
        yield from _pairs(facts)
    yield from _operators(report.operators)
    yield from _networks(report.networks)
    yield from _speed(report.speed)
    yield from _steps(report.speed)
    yield from _torch(report.torch)
    if report.sanitizer:
        yield "\ncompute-sanitizer, on the operators"
        for tool in report.sanitizer:
            yield f"  {tool.tool}: {'did not run' if tool.errors is None else f'{tool.errors} errors'}"
            yield from (f"    {line}" for line in tool.detail.splitlines())
    if report.notes:
        yield "\nleft out"
        yield from (f"  {note}" for note in report.notes)
    failures = report.failures
    yield "\nall well" if failures == 0 else f"\n{failures} FAILED"


def _pairs(values: Mapping[str, str]) -> Iterator[str]:
    yield from aligned([(f"  {name}", value) for name, value in values.items()], "<<")


def _verdict(result: Difference | Timing | Peer) -> str:
    return "ok" if result.passed else "FAILED"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> Iterator[str]:
    if rows:
        yield f"\n{title}"
        yield from (f"  {line}" for line in aligned([heads, *rows], sides))


def _errors(results: Sequence[Difference | Timing | Peer], name: str) -> Iterator[str]:
    """Those without numbers."""
    for result in results:
        if result.error:
            yield f"  {getattr(result, name)}, {result.precision}: FAILED: {result.error}"


def _operators(found: Sequence[Difference]) -> Iterator[str]:
    rows = [
        (x.name, x.precision, x.engine, f"{x.largest:.1e}", f"{100 * x.share:.0f} %", _verdict(x))
        for x in found
        if not x.error
    ]
    heads = ("operator", "numbers", "engine", "largest difference", "of allowed", "")
    yield from _table("operators beside the definitions, as shares of the largest value", heads, rows, "<<<>><")
    yield from _errors(found, "name")


def _networks(found: Sequence[Difference]) -> Iterator[str]:
    rows = [
        (
            x.name,
            x.precision,
            x.engine,
            f"{x.largest:.1e} px",
            f"{x.mean:.1e} px",
            f"{100 * x.share:.0f} %",
            _verdict(x),
            x.detail,
        )
        for x in found
        if not x.error
    ]
    heads = ("network", "precision", "engine", "largest difference", "mean", "of allowed", "", "")
    yield from _table("networks beside the CPU in float32", heads, rows, "<<<>>><<")
    yield from _errors(found, "name")


def _speed(found: Sequence[Timing]) -> Iterator[str]:
    rows = [
        (
            x.network,
            x.precision,
            x.engine,
            "captured" if x.captured else "step by step",
            f"{x.median:.3f} ms",
            f"{min(x.milliseconds):.3f} .. {max(x.milliseconds):.3f}",
            f"{x.weights_bytes / _MIB:.0f} MiB",
            f"{x.work_bytes / _MIB:.0f} MiB",
        )
        for x in found
        if not x.error
    ]
    heads = ("network", "precision", "engine", "launches", "median", "range", "weights", "work")
    size = "x".join(map(str, found[0].size)) if found else ""
    yield from _table(f"a pair of {size} on the GPU, by its clock", heads, rows, "<<<<>>>>")
    yield from _errors(found, "network")


def _steps(found: Sequence[Timing]) -> Iterator[str]:
    for x in found:
        rows = [(step.value, step.op, f"{step.milliseconds:.4f} ms") for step in x.steps]
        title = f"slowest steps of {x.network}, {x.precision}, {x.engine}, each waited for"
        yield from _table(title, ("value", "operator", "time"), rows, "<<>")


def _torch(found: Sequence[Peer]) -> Iterator[str]:
    rows = [
        (
            x.network,
            x.precision,
            f"{x.ours:.3f} ms",
            f"{x.theirs:.3f} ms",
            "" if x.theirs_captured is None else f"{x.theirs_captured:.3f} ms",
            f"{(x.theirs_captured or x.theirs) / x.ours:.1f}",
            *("not finite" if px is None else f"{px:.1e} px" for px in (x.largest, x.mean)),
        )
        for x in found
        if not x.error
    ]
    heads = ("network", "precision", "ours", "PyTorch", "captured", "times as fast", "largest difference", "mean")
    yield from _table("PyTorch: the same weights and pictures, operator by operator", heads, rows, "<<>>>>>>")
    yield from _errors(found, "network")
