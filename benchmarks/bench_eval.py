# SPDX-License-Identifier: Apache-2.0
"""What evaluating costs beside computing: `flownet2 eval`'s pairs per second over those of `flownet2 bench`.

    python benchmarks/bench_eval.py --networks flownet2-lite flownets flownet2

The data are the demo pair's frames in turn, as one MPI-Sintel sequence of PNG and .flo files with masks.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import RESULTS, facts, markdown, model_of, save

from flownet2 import FlowEstimator, set_num_threads
from flownet2.builtin import DEMO_FLOW, DEMO_FRAME1, DEMO_FRAME2
from flownet2.datasets import Dataset, open_dataset
from flownet2.evaluate import Failure, evaluate
from flownet2.evaluation import get_protocol
from flownet2.executors import get_executor
from flownet2.io import read_image


def make_tree(root: Path, pairs: int) -> Dataset:
    """MPI-Sintel's layout; its masks are pictures of the size of the frames."""
    folders = {kind: root / "training" / kind / "alley_1" for kind in ("clean", "flow", "occlusions", "invalid")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    height, width = read_image(DEMO_FRAME1).shape[:2]
    cv2.imwrite(str(root / "mask.png"), np.zeros((height, width), np.uint8))
    for number in range(1, pairs + 2):
        name = f"frame_{number:04}"
        shutil.copy((DEMO_FRAME1, DEMO_FRAME2)[number % 2], folders["clean"] / f"{name}.png")
        for kind in ("occlusions", "invalid"):
            shutil.copy(root / "mask.png", folders[kind] / f"{name}.png")
        if number <= pairs:
            shutil.copy(DEMO_FLOW, folders["flow"] / f"{name}.flo")
    return open_dataset("sintel-clean", root)


def estimator(network: str) -> FlowEstimator:
    """The network ready to run, by the default executor in float32."""
    model = model_of(network)
    return FlowEstimator(model, get_executor().compile(model.graph, model.parameters))


def calls(model: FlowEstimator, count: int) -> float:
    """Seconds of a call on pictures in memory: the median."""
    pictures = read_image(DEMO_FRAME1), read_image(DEMO_FRAME2)
    times = []
    for _ in range(count):
        start = time.perf_counter()
        model(*pictures)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def evaluation(model: FlowEstimator, dataset: Dataset) -> float:
    """Seconds a pair of a whole evaluation."""
    start = time.perf_counter()
    results = list(evaluate(model, dataset, get_protocol("mmflow")))
    seconds = (time.perf_counter() - start) / len(results)
    assert not any(isinstance(result, Failure) for result in results)
    return seconds


def measured(network: str, pairs: int, rounds: int) -> dict[str, Any]:
    """Calls and evaluations in turns."""
    model = estimator(network)
    calls(model, 1)
    with tempfile.TemporaryDirectory() as folder:
        dataset = make_tree(Path(folder), pairs)
        evaluation(model, dataset)
        turns = [(calls(model, max(3, pairs // 2)), evaluation(model, dataset)) for _ in range(rounds)]
    return {
        "network": network,
        "pairs": pairs,
        "call_s": statistics.median(call for call, _ in turns),
        "eval_s": statistics.median(whole for _, whole in turns),
        "share_of_bench": statistics.median(call / whole for call, whole in turns),
    }


def main() -> None:
    """Measures, prints, saves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["flownet2-lite"])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    set_num_threads(args.threads)
    record = facts(args.threads)
    rows = [measured(network, args.pairs, args.rounds) for network in args.networks]
    header = ["network", "pairs", "a call, s", "eval, s a pair", "eval / bench"]
    lines = [
        [
            row["network"],
            str(row["pairs"]),
            f"{row['call_s']:.4f}",
            f"{row['eval_s']:.4f}",
            f"{row['share_of_bench']:.2f}",
        ]
        for row in rows
    ]
    table = markdown(header, lines)
    print(table)
    print(save("eval", {**record, "rows": rows}, table, RESULTS))


if __name__ == "__main__":
    main()
