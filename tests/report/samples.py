# SPDX-License-Identifier: Apache-2.0
"""A small evaluation with all that makes a page difficult: odd names, sizes, masks, pictures without a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from flownet2.datasets.base import Dataset, Pair
from flownet2.evaluation import Record, Run, Scores, get_protocol
from flownet2.evaluation.scores import MEASURES
from flownet2.io import write_flow, write_image
from flownet2.report import write_report
from flownet2.types import Array, FloatArray

HOSTILE = "a/</script><b>\"bold\" & 'quoted'</b><!--"
MODELS = ('network <i>&amp;</i> "1"', "zero </script>")
EMPTY = "z/no_pixel"
LARGE = "w/large"
PROTOCOL = get_protocol("mmflow")


@dataclass
class Evaluation:
    """What `write_report` takes, and the flows to compare with."""

    dataset: Dataset
    runs: list[Run]
    flows: dict[tuple[int, str], FloatArray] = field(default_factory=dict)

    def flow_of(self, index: int, pair: Pair) -> FloatArray:
        return self.flows[index, pair.name]

    def write(self, path: Path, **changes: object) -> Path:
        """The page; `changes` replace arguments."""
        arguments = {
            "dataset": self.dataset,
            "protocol": PROTOCOL,
            "runs": self.runs,
            "flow_of": self.flow_of,
            "created": "2026-01-02 03:04 UTC",
            "machine": {"cpu": "a <CPU>", "threads": 2},
        }
        write_report(path, **{**arguments, **changes})  # type: ignore[arg-type]
        return path

    def pair(self, name: str) -> Pair:
        return next(pair for pair in self.dataset.pairs if pair.name == name)


def smooth(height: int, width: int, seed: int, size: float) -> FloatArray:
    """A flow that changes slowly, as real ones do; components up to about `size` px."""
    coarse = np.random.default_rng(seed).uniform(-size, size, (4, 5, 2)).astype(np.float32)
    flow: FloatArray = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return flow


def make_pair(root: Path, number: int, name: str, truth: FloatArray, valid: Array, *, deep: bool = False) -> Pair:
    """The files of a pair, in places that say nothing of its name; `deep` pictures have 16 bits."""
    height, width = truth.shape[:2]
    random = np.random.default_rng(number)
    ramp = np.linspace(0, 200, width)[None, :, None] + np.linspace(0, 50, height)[:, None, None] * random.uniform(
        0, 1, 3
    )
    one = ramp.astype(np.uint8)
    frames = [one, one[:, ::-1].copy()]
    if deep:
        frames = [frame.astype(np.uint16) * 257 for frame in frames]
    paths = [root / f"{number:03d}_{index}.png" for index in (1, 2)]
    for path, frame in zip(paths, frames, strict=True):
        write_image(path, frame)
    write_flow(root / f"{number:03d}.flo", truth, valid)
    occlusion = root / f"{number:03d}_occ.png"
    marked = np.zeros((height, width), np.uint8)
    marked[: height // 4] = 255
    cv2.imwrite(str(occlusion), marked)
    return Pair(name, *paths, root / f"{number:03d}.flo", occlusion if number % 2 == 0 else None)


def record(pair: Pair, flow: FloatArray, seconds: float) -> Record:
    truth = pair.truth()
    scores = PROTOCOL.rules("sintel-clean").score(flow, truth.flow, truth.valid, occluded=truth.occluded)
    lengths = np.hypot(*truth.flow[truth.valid].T)
    height, width = truth.flow.shape[:2]
    return Record(pair.name, height, width, seconds, float(lengths.mean()) if lengths.size else 0.0, scores)


def evaluation(root: Path, names: Sequence[str] | None = None) -> Evaluation:
    """Twelve pairs by two models; the second is zero everywhere."""
    root.mkdir(parents=True, exist_ok=True)
    if names is None:
        names = [HOSTILE, EMPTY, LARGE, *(f"scene_{number}/frame_{number:04d}" for number in range(1, 10))]
    pairs, flows = [], {}
    for number, name in enumerate(names):
        height, width = 40 + 3 * number, 64 + 5 * number
        truth = smooth(height, width, number, 900.0 if name == LARGE else 2.0 + 3 * number)
        valid = np.ones((height, width), bool)
        valid[-6:, : width // 2] = False
        if name == EMPTY:
            valid[:] = False
        pairs.append(make_pair(root, number, name, truth, valid, deep=number == 4))
        flows[0, name] = truth + smooth(height, width, 100 + number, 0.2 + (7 * number % 12))
        flows[1, name] = np.zeros_like(truth)
    runs = []
    for index, model in enumerate(MODELS):
        records = [record(pair, flows[index, pair.name], 0.25 + number / 100) for number, pair in enumerate(pairs)]
        runs.append(Run(model, {"sha256": "0f" * 32, "odd": "<&>"}, PROTOCOL.rules("sintel-clean"), records))
    return Evaluation(Dataset("sintel-clean", "training", root, pairs), runs, flows)


def repeated(first: Evaluation, count: int, models: int) -> Evaluation:
    """`count` pictures of `models` models, all from the files of one pair: for the page's speed."""
    pair = first.dataset.pairs[5]
    random = np.random.default_rng(0)
    pairs = [
        Pair(f"scene_{number % 37}/frame_{number:05d}", pair.image1, pair.image2, pair.flow) for number in range(count)
    ]
    speeds = random.gamma(2, 6, count)
    scores = first.runs[0].records[5].scores.to_dict()
    cells = {name: cell for name, cell in scores.items() if name in MEASURES}
    runs = []
    for model in range(models):
        errors = speeds * random.gamma(2, 0.1 * (model + 1), count)
        records = [
            Record(one.name, 40, 60, 0.1, speed, Scores.from_dict({**cells, "epe": [error * 1000, 1000]}))
            for one, speed, error in zip(pairs, speeds.tolist(), errors.tolist(), strict=True)
        ]
        runs.append(Run(f"model {model}", {}, first.runs[0].rules, records))
    flows = {(model, one.name): first.flows[0, pair.name] for model in range(models) for one in pairs}
    return Evaluation(Dataset("folder", "all", first.dataset.root, pairs), runs, flows)
