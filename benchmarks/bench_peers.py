# SPDX-License-Identifier: Apache-2.0
"""Whole networks, the package beside PyTorch, ONNX Runtime and OpenVINO in one run, in turns (README.md).

A competitor is KIND[:PRECISION[:ISA]].

    python benchmarks/bench_peers.py --networks flownet2 flownets --sizes 1024x448 \\
        --executors native native:bfloat16 native::avx2 \\
        --peers torch ort openvino openvino:bfloat16 torch:bfloat16 openvino::avx2
    python benchmarks/bench_peers.py --networks flownet2 --sizes 512x384 1024x448 1920x1080 3840x2160 --rounds 3
    python benchmarks/bench_peers.py --networks flownet2 --sizes 192x128 --batch 8
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, facts, markdown, peaks, save
from race import Runner, Spec, parse_spec, race

from flownet2 import set_num_threads

FLOAT32_LARGEST_PX = 5e-4
BFLOAT16_MEAN_PX = 0.25
"""How far a flow of the package may be from PyTorch's in float32: its largest difference, its mean end-point error."""
PEER_LARGEST_PX = 5e-3
"""Of a peer in float32: our export of it is right, however it rounds. Its bfloat16 is its own affair."""

Row = dict[str, Any]


def rows_of(network: str, field: Sequence[Runner]) -> list[Row]:
    """A row for each competitor."""
    truth = next((one.flow() for one in field if one.spec == Spec("torch")), None)
    return [_row(network, one, field, truth) for one in field]


def _row(network: str, one: Runner, field: Sequence[Runner], truth: np.ndarray | None) -> Row:
    walls, shape = one.walls(), one.ready["shape"]
    median = statistics.median(walls)
    row: Row = {
        "network": network,
        "input": "x".join(map(str, shape)),
        "competitor": one.spec.name,
        "precision": one.spec.precision,
        "peer": one.spec.is_peer,
        "median_s": median,
        "min_s": min(walls),
        "max_s": max(walls),
        "cpu_s": statistics.median(turn["cpu_s"] for turn in one.turns),
        "setup_s": one.ready["first_s"] - min(walls),
        "pairs_per_s": shape[0] / median,
        "s_per_megapixel": median / (shape[0] * shape[2] * shape[3] * 1e-6),
        "kernels": one.ready["kernels"],
        **one.end,
    }
    other = rival(one.spec, field)
    if other is not None:
        row["rival"], row["ratio"] = other.spec.name, in_round_ratio(one, other)
    single = next((peer for peer in field if peer.spec == dataclasses.replace(one.spec, batch=1)), None)
    if one.spec.batch > 1 and single is not None:
        row["pairs_per_s_to_single"] = one.spec.batch / in_round_ratio(one, single)
    if truth is not None and one.spec != Spec("torch"):
        difference = one.flow()[:1].astype(np.float64) - truth
        row["max_difference_px"] = float(np.abs(difference).max())
        row["mean_difference_px"] = float(np.hypot(difference[:, 0], difference[:, 1]).mean())
    return row


def rival(spec: Spec, field: Sequence[Runner]) -> Runner | None:
    """Whom it is compared with: the fastest float32 peer; in bfloat16 OpenVINO's. Held to one instruction set, those
    that are held to it too, if there are any."""
    peers = [one for one in field if one.spec.is_peer]
    low = [one for one in peers if one.spec.kind == "openvino" and one.spec.precision == "bfloat16"]
    full = [one for one in peers if one.spec.precision == "float32"]
    chosen = low if spec.precision == "bfloat16" and low else full
    alike = [one for one in chosen if one.spec.isa == spec.isa] or [one for one in chosen if not one.spec.isa]
    return min(alike, key=lambda one: statistics.median(one.walls()), default=None)


def in_round_ratio(one: Runner, other: Runner) -> float:
    """Time of one over the other's: the median of the ratios within the rounds."""
    return statistics.median(a / b for a, b in zip(one.walls(), other.walls(), strict=True))


def too_far(row: Row) -> str | None:
    """What is wrong with its flow; a fast wrong answer is no result."""
    largest, mean = row.get("max_difference_px"), row.get("mean_difference_px")
    if largest is None or mean is None:
        return None
    what = f"{row['network']} {row['competitor']}"
    if row["precision"] == "bfloat16":
        return None if row["peer"] or mean <= BFLOAT16_MEAN_PX else f"{what}: mean {mean:.1e} px from PyTorch's float32"
    limit = PEER_LARGEST_PX if row["peer"] else FLOAT32_LARGEST_PX
    return None if largest <= limit else f"{what}: {largest:.1e} px from PyTorch's float32"


def _number(form: str) -> Callable[[Any], str]:
    return lambda value: "" if value is None else format(value, form)


_COLUMNS: list[tuple[str, Callable[[Row], str]]] = [
    ("network", lambda row: row["network"]),
    ("input", lambda row: row["input"]),
    ("competitor", lambda row: row["competitor"]),
    ("median s", lambda row: f"{row['median_s']:.4f}"),
    ("min .. max", lambda row: f"{row['min_s']:.4f} .. {row['max_s']:.4f}"),
    ("CPU s", lambda row: f"{row['cpu_s']:.2f}"),
    ("s/Mpx", lambda row: f"{row['s_per_megapixel']:.3f}"),
    ("pairs/s", lambda row: f"{row['pairs_per_s']:.2f}"),
    ("x batch 1", lambda row: _number(".2f")(row.get("pairs_per_s_to_single"))),
    ("x rival", lambda row: f"{row['ratio']:.2f} {row['rival']}" if "rival" in row else ""),
    ("setup s", lambda row: f"{row['setup_s']:.2f}"),
    ("peak MiB", lambda row: _number(".0f")(row["peak_mib"])),
    ("max diff px", lambda row: _number(".1e")(row.get("max_difference_px"))),
    ("mean diff px", lambda row: _number(".1e")(row.get("mean_difference_px"))),
]


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, without columns that none of them fills."""
    columns = [(title, [cell(row) for row in rows]) for title, cell in _COLUMNS]
    filled = [(title, cells) for title, cells in columns if any(cells)]
    lines = [list(line) for line in zip(*(cells for _, cells in filled), strict=True)]
    return markdown([title for title, _ in filled], lines)


def calibration(peak: dict[str, Any]) -> str:
    """A line of the record's page."""
    words = [
        f"{kind} {peak['before'][kind]:.0f} before, {peak['after'][kind]:.0f} after"
        for kind in peak["before"]
        if peak["before"][kind] and peak["after"][kind]
    ]
    return f"{peak['network']} {peak['size']}: the processor's peak in GFLOP/s: {'; '.join(words)}"


def parse_options() -> tuple[argparse.Namespace, list[Spec]]:
    """The options, and the competitors that they ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["flownets", "flownetc", "flownet2"])
    parser.add_argument(
        "--sizes", nargs="+", default=["1024x448"], help="WIDTHxHEIGHT, rounded up to the network's multiple"
    )
    parser.add_argument("--executors", nargs="*", default=["native"], help="of the package: native, numpy, reference")
    parser.add_argument("--peers", nargs="*", default=[], help="torch, ort, openvino")
    parser.add_argument("--batch", type=int, default=1, help="the package also with so many pairs at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument(
        "--cache", type=Path, default=caches / "flownet2-benchmarks", help="folder of the peers' files (%(default)s)"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the record")
    options = parser.parse_args()
    if min(options.rounds, options.batch) < 1:
        parser.error("--rounds and --batch must be at least 1")
    specs = []
    for text in [*options.executors, *options.peers]:
        spec = parse_spec(text)
        specs.append(spec)
        if options.batch > 1 and not spec.is_peer:
            specs.append(dataclasses.replace(spec, batch=options.batch))
    if not specs or len(set(specs)) < len(specs):
        parser.error("give competitors, each once")
    return options, specs


def main() -> int:
    options, specs = parse_options()
    set_num_threads(options.threads)
    record = facts(options.threads)
    rows, peak = [], []
    for network in options.networks:
        for size in options.sizes:
            with tempfile.TemporaryDirectory() as folder:
                before = peaks()
                field = race(
                    network,
                    size,
                    specs,
                    threads=options.threads,
                    rounds=options.rounds,
                    folder=Path(folder),
                    cache=options.cache,
                )
                peak.append({"network": network, "size": size, "before": before, "after": peaks()})
                found = rows_of(network, field)
            print(f"{table(found)}\n{calibration(peak[-1])}\n", flush=True)
            rows += found
    kind = f"networks-{options.sizes[0] if len(options.sizes) == 1 else 'sizes'}"
    page = "\n\n".join([table(rows), "\n".join(map(calibration, peak))])
    path = save(kind, {**record, "rounds": options.rounds, "peak_gflops": peak, "rows": rows}, page, options.output)
    print(f"{record['cpu']}, commit {record['commit']}, load {record['load_before']}; written to {path}")
    faults = [fault for row in rows if (fault := too_far(row))]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
