# SPDX-License-Identifier: Apache-2.0
"""What `flownet2 eval` writes: a table of pictures as CSV, everything as JSON."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

import flownet2
from flownet2.atomic import atomic_write
from flownet2.cli._eval_work import Evaluated, Task
from flownet2.cli._terminal import describe
from flownet2.evaluation import METRICS, Run
from flownet2.io.opencv import import_cv2
from flownet2.machine import cpu_name, usable_cpus

FORMAT = "flownet2 evaluation 1"

_UNIT_WORDS = {"px": "px", "%": "percent", "deg": "deg"}


def machine_facts() -> dict[str, str]:
    """Where it ran."""
    return {
        "cpu": cpu_name(),
        "cpus": str(usable_cpus()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": import_cv2("reading pictures").__version__,
    }


def write_csv(path: str, runs: Sequence[Run]) -> None:
    """A row for each picture and model; a metric without a pixel is an empty field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["model", "picture", "height_px", "width_px", "seconds", "speed_px", "pixels", *_metric_titles()])
    for run in runs:
        for record in run.records:
            values = record.scores.values().values()
            start = [run.model, record.name, record.height, record.width, record.seconds, record.speed]
            writer.writerow([*start, record.scores.cells["epe"].pixels, *("" if v is None else v for v in values)])
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def write_json(path: str, task: Task, results: Sequence[Evaluated], created: str, machine: dict[str, str]) -> None:
    """Everything."""
    content = content_of(task, results, created, machine)
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=1, allow_nan=False).encode() + b"\n")


def content_of(task: Task, results: Sequence[Evaluated], created: str, machine: dict[str, str]) -> dict[str, Any]:
    """What the JSON file holds."""
    dataset = task.dataset
    return {
        "format": FORMAT,
        "flownet2": flownet2.__version__,
        "created": created,
        "dataset": {
            "name": dataset.name,
            "split": dataset.split,
            "root": task.args.root,
            "pairs": len(task.pairs),
            "pairs_of_split": len(dataset.pairs),
        },
        "partial": len(task.pairs) < len(dataset.pairs),
        "protocol": task.protocol.to_dict(dataset.name),
        "machine": machine,
        "runs": [
            {
                **result.run.to_dict(),
                "failed": [{"name": failure.name, "error": describe(failure.error)} for failure in result.failures],
            }
            for result in results
        ],
    }


def _metric_titles() -> list[str]:
    return [f"{name}_{_UNIT_WORDS[metric.unit]}" for name, metric in METRICS.items()]
