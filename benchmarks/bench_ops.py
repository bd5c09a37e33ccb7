# SPDX-License-Identifier: Apache-2.0
"""The operators at the sizes that FlowNet2 has at 448x1024: milliseconds and GFLOP/s.

python benchmarks/bench_ops.py --executors numpy reference --only conv
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, facts, markdown, save, thread_environment

from flownet2 import set_num_threads
from flownet2.ops import attributes as at
from flownet2.ops.dispatch import run_operator
from flownet2.ops.spec import OPS

THREADS_SET = "FLOWNET2_BENCH_THREADS_SET"


@dataclass(frozen=True)
class Case:
    """One operator call on random values; `weight` is the shape of the weights, of operators that have any."""

    op: str
    attributes: Any
    shapes: Sequence[tuple[int, ...]]
    weight: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """Shapes, for the table."""
        parts = ["x".join(map(str, shape)) for shape in (*self.shapes, *([self.weight] if self.weight else []))]
        stride = getattr(self.attributes, "stride", None)
        return " ".join(parts) + (f" s{stride[0]}" if isinstance(stride, tuple) else "")

    def flop(self, out: tuple[int, ...]) -> float:
        """Multiplications and additions of the definition; 0 for operators that are bound by memory."""
        parameters = {"weight": self.weight} if self.weight else {}
        return 2.0 * OPS[self.op].multiply_adds(self.attributes, self.shapes, parameters, out)


def _conv(ci: int, h: int, w: int, co: int, kernel: int, stride: int) -> Case:
    attributes = at.Conv2d((stride, stride), (kernel // 2, kernel // 2), at.LEAKY_SLOPE)
    return Case("conv2d", attributes, [(1, ci, h, w)], (co, ci, kernel, kernel))


def _up(ci: int, h: int, w: int, co: int) -> Case:
    attributes = at.ConvTranspose2d((2, 2), (1, 1), at.LEAKY_SLOPE)
    return Case("conv_transpose2d", attributes, [(1, ci, h, w)], (ci, co, 4, 4))


CASES = (
    Case("correlation", at.Correlation(20, 2, "sum", at.LEAKY_SLOPE), [(1, 256, 56, 128)] * 2),
    Case("warp", at.Warp(), [(1, 3, 448, 1024), (1, 2, 448, 1024)]),
    Case("resize", at.Resize(scale=(4, 4)), [(1, 2, 112, 256)]),
    Case("resize", at.Resize(scale=(4, 4), mode="nearest"), [(1, 2, 112, 256)]),
    Case("channel_norm", at.ChannelNorm(), [(1, 3, 448, 1024)]),
    _conv(12, 448, 1024, 64, 7, 2),
    _conv(64, 224, 512, 128, 5, 2),
    _conv(128, 112, 256, 256, 5, 2),
    _conv(473, 56, 128, 256, 3, 1),
    _conv(512, 28, 64, 512, 3, 1),
    _conv(1024, 7, 16, 1024, 3, 1),
    _conv(64, 448, 1024, 64, 3, 2),
    _conv(64, 224, 512, 128, 3, 1),
    _conv(82, 448, 1024, 16, 3, 1),
    _conv(194, 112, 256, 2, 3, 1),
    _up(1024, 7, 16, 512),
    _up(386, 56, 128, 64),
    _up(162, 224, 512, 16),
)


def measure(case: Case, executors: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """The executors take turns; the first round warms up."""
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(shape, np.float32) for shape in case.shapes]
    parameters = {}
    if case.weight is not None:
        outputs = case.weight[1 if case.op == "conv_transpose2d" else 0]
        parameters = {
            "weight": rng.standard_normal(case.weight, np.float32),
            "bias": rng.standard_normal(outputs, np.float32),
        }
    seconds: dict[str, list[float]] = {executor: [] for executor in executors}
    shape: tuple[int, ...] = ()
    for number in range(rounds + 1):
        for executor in executors:
            start = time.perf_counter()
            shape = run_operator(case.op, case.attributes, inputs, parameters, reference=executor == "reference").shape
            if number:
                seconds[executor].append(time.perf_counter() - start)
    return [_row(case, executor, times, case.flop(shape)) for executor, times in seconds.items()]


def _row(case: Case, executor: str, seconds: list[float], flop: float) -> dict[str, Any]:
    median = statistics.median(seconds)
    return {
        "operator": case.op,
        "case": case.name,
        "competitor": executor,
        "median_s": median,
        "min_s": min(seconds),
        "max_s": max(seconds),
        "gflops": flop / median / 1e9,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    header = ["operator", "case", "executor", "median ms", "min .. max", "GFLOP/s"]
    lines = [
        [
            row["operator"],
            row["case"],
            row["competitor"],
            f"{1e3 * row['median_s']:.2f}",
            f"{1e3 * row['min_s']:.2f} .. {1e3 * row['max_s']:.2f}",
            f"{row['gflops']:.0f}" if row["gflops"] else "",
        ]
        for row in rows
    ]
    return markdown(header, lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executors", nargs="+", default=["numpy", "reference"], choices=["numpy", "reference"])
    parser.add_argument("--only", default="", help="operators whose name contains this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the record")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if THREADS_SET not in os.environ:  # BLAS reads its number of threads once, when it is loaded
        environment = {**thread_environment(options.threads), THREADS_SET: "1"}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    set_num_threads(options.threads)
    cases = [case for case in CASES if options.only in case.op]
    if not cases:
        parser.error(f"--only {options.only}: no such operator")
    record = facts(options.threads)
    rows = [row for case in cases for row in measure(case, options.executors, options.rounds)]
    path = save("ops", {**record, "rounds": options.rounds, "rows": rows}, table(rows), options.output)
    print(table(rows))
    print(f"\n{record['cpu']}, commit {record['commit']}, load {record['load_before']}; written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
