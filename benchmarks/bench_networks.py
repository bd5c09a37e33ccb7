# SPDX-License-Identifier: Apache-2.0
"""Whole networks, the package beside PyTorch: the competitors take turns, so that load on the machine meets them alike.

python benchmarks/bench_networks.py --networks flownet2 flownets --size 448x1024 --peers torch
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, facts, markdown, save, thread_environment

SETTLE_S = 0.3
"""Pause before each turn: idle threads of the one before may still be spinning."""
AGREEMENT_PX = 5e-4


class Competitor:
    """A worker process."""

    def __init__(self, name: str, network: str, size: str, threads: int, folder: Path) -> None:
        self.name = name
        self.output = folder / f"{name}.npy"
        self.turns: list[dict[str, float]] = []
        worker = Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(worker), name, network, size, str(threads), str(self.output)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=thread_environment(threads),
        )
        self.ready = self._answer()

    def turn(self, *, counts: bool) -> None:
        """One run; a warm-up is not counted."""
        assert self.process.stdin is not None
        time.sleep(SETTLE_S)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        seconds = self._answer()
        if counts:
            self.turns.append(seconds)

    def finish(self) -> dict[str, Any]:
        """The worker's peak memory; ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        end = self._answer()
        self.process.wait()
        return end

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: the worker stopped with status {self.process.wait()}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def race(network: str, names: list[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """One network, all competitors; a row for each."""
    with tempfile.TemporaryDirectory() as folder:
        field = [Competitor(name, network, options.size, options.threads, Path(folder)) for name in names]
        for number in range(options.rounds + 1):
            for competitor in field:
                competitor.turn(counts=number > 0)
        flows = {competitor.name: np.load(competitor.output) for competitor in field}
        return [_row(network, competitor, field, flows) for competitor in field]


def _row(network: str, one: Competitor, field: list[Competitor], flows: dict[str, np.ndarray]) -> dict[str, Any]:
    walls = [turn["wall_s"] for turn in one.turns]
    row: dict[str, Any] = {
        "network": network,
        "input": "x".join(map(str, one.ready["shape"])),
        "competitor": one.name,
        "median_s": statistics.median(walls),
        "min_s": min(walls),
        "max_s": max(walls),
        "cpu_s": statistics.median(turn["cpu_s"] for turn in one.turns),
        "setup_s": one.ready["setup_s"],
        **one.finish(),
    }
    for peer in field:
        if peer.name == "torch" and peer is not one:
            pairs = zip(one.turns, peer.turns, strict=True)
            row["ratio_to_torch"] = statistics.median(a["wall_s"] / b["wall_s"] for a, b in pairs)
            row["max_difference_px"] = float(np.abs(flows[one.name] - flows[peer.name]).max())
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    header = ["network", "input", "competitor", "median s", "min .. max", "CPU s", "peak MiB", "x torch", "max diff px"]
    lines = []
    for row in rows:
        ratio, difference = row.get("ratio_to_torch"), row.get("max_difference_px")
        lines.append(
            [
                row["network"],
                row["input"],
                row["competitor"],
                f"{row['median_s']:.3f}",
                f"{row['min_s']:.3f} .. {row['max_s']:.3f}",
                f"{row['cpu_s']:.2f}",
                "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}",
                "" if ratio is None else f"{ratio:.2f}",
                "" if difference is None else f"{difference:.1e}",
            ]
        )
    return markdown(header, lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["flownets", "flownetc", "flownet2"])
    parser.add_argument("--size", default="448x1024", help="ROWSxCOLUMNS, rounded up to the network's multiple")
    parser.add_argument("--executors", nargs="+", default=["numpy"])
    parser.add_argument("--peers", nargs="*", default=[], choices=["torch"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the record")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    record = facts(options.threads)
    rows = []
    for network in options.networks:
        rows += race(network, [*options.executors, *options.peers], options)
        print(table(rows[-len(options.executors) - len(options.peers) :]), flush=True)
    path = save(
        f"networks-{options.size}", {**record, "rounds": options.rounds, "rows": rows}, table(rows), options.output
    )
    print(f"\n{record['cpu']}, commit {record['commit']}, load {record['load_before']}; written to {path}")
    far = [row for row in rows if row.get("max_difference_px", 0) > AGREEMENT_PX]
    for row in far:
        print(f"{row['network']} {row['competitor']}: {row['max_difference_px']:.1e} px from PyTorch", file=sys.stderr)
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
