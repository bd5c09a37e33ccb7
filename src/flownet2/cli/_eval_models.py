# SPDX-License-Identifier: Apache-2.0
"""The models that `flownet2 eval` runs: what `flownet2.load` takes, and baselines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flownet2 import FlowEstimator
from flownet2.baselines import BASELINES, set_baseline_threads
from flownet2.builtin import MODELS, model_path
from flownet2.cli import _options
from flownet2.cli._terminal import UsageError
from flownet2.evaluate import FlowModel
from flownet2.executors import DEFAULT
from flownet2.executors.cuda import open_device
from flownet2.runtime import get_isa, get_num_threads
from flownet2.weights.importer import file_sha256

COMMAND = "eval"


def identity(name: str) -> str:
    """One text for one model, whichever way it is named."""
    return name if name in BASELINES or name in MODELS else str(Path(name).resolve())


def check_models(names: Sequence[str]) -> None:
    """Refuses a model given twice, and one that is not there: better now than after hours with the others.

    Raises:
        UsageError: one is given twice.
        InputError, OSError: one is not there.
    """
    seen: dict[str, str] = {}
    for name in names:
        if name not in BASELINES:
            Path(model_path(name)).stat()
        if identity(name) in seen:
            raise UsageError(COMMAND, f"--model {seen[identity(name)]} and {name} are the same model; give it once")
        seen[identity(name)] = name


def model_files(names: Sequence[str]) -> list[Path]:
    """Those that are files."""
    return [Path(name) for name in names if identity(name) != name or Path(name).is_absolute()]


def open_model(name: str, args: argparse.Namespace) -> tuple[FlowModel, dict[str, Any]]:
    """A model ready to run, and its facts.

    Raises:
        As `flownet2.load`.
    """
    if name in BASELINES:
        if args.threads is not None:
            set_baseline_threads(args.threads)
        baseline = BASELINES[name]()
        return baseline, {
            "network": name,
            "parameters": 0,
            "sha256": None,
            "precision": "float32",
            "executor": "baseline",
            "device": "cpu",
            "threads": 1,
            **baseline.facts,
        }
    model = _options.open_estimator(args, name)
    return model, _facts(name, model, args)


def summary(facts: dict[str, Any]) -> str:
    """A line for people."""
    if facts["sha256"] is None:
        version = f", OpenCV {facts['opencv']}" if "opencv" in facts else ""
        return f"{facts['method']}{version}"
    return (
        f"{facts['network']}, {facts['parameters'] / 1e6:.1f} M parameters, origin {facts['origin'] or 'not known'}, "
        f"{facts['precision']}, {facts['executor']}\nSHA-256 {facts['sha256']}"
    )


def _facts(name: str, model: FlowEstimator, args: argparse.Namespace) -> dict[str, Any]:
    on_gpu = args.device != "cpu"
    facts = {
        "network": model.network,
        "parameters": model.graph.parameter_count,
        "sha256": file_sha256(model_path(name)),
        "origin": model.info.get("origin"),
        "license": model.info.get("license"),
        "source": model.info.get("source"),
        "source_sha256": model.info.get("source_sha256"),
        "precision": args.precision,
        "executor": args.executor or ("cuda" if on_gpu else DEFAULT),
        "device": args.device,
        "isa": get_isa(),
        "threads": get_num_threads(),
    }
    if on_gpu:
        facts["engine"] = args.engine
        facts["gpu"] = open_device(_options.gpu_index(args.device)).facts()["name"]
    return facts
