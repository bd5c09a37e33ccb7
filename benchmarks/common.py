# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: facts of the machine, weights without a download, records on disk."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.cuda_check.random_model import model as random_model
from flownet2.machine import cpu_name
from flownet2.networks import NETWORKS
from flownet2.runtime import get_isa, measure_peak
from flownet2.weights import Model, import_checkpoint

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))
from cases.networks import PARITY, manifest, state_dict  # noqa: E402 - from the folder that was just named

RESULTS = Path(__file__).parent / "results"
MANIFEST = PARITY / "manifest.json"
RANDOM_SIZE = (192, 128)
"""(width, height) of the pictures that random weights are made for."""
PACKAGES = ("flownet2", "numpy", "torch", "onnx", "onnxruntime", "openvino")


def model_of(network: str) -> Model:
    """A built-in network, one of mmflow's with weights by the manifest's rule, or a thin one with random weights."""
    if network in manifest()["networks"]:
        return import_checkpoint(MANIFEST, {"state_dict": state_dict(network)}, network)
    if network not in NETWORKS:
        raise SystemExit(f"{network}: no such network; known: {', '.join(NETWORKS)}")
    return random_model(network, None, RANDOM_SIZE)


def parse_size(text: str) -> tuple[int, int]:
    """1024x448 -> (width, height)."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match:
        raise SystemExit(f"a size is WIDTHxHEIGHT, such as 1024x448; got {text!r}")
    return int(match[1]), int(match[2])


def network_input(size: tuple[int, int], multiple: int, batch: int = 1) -> np.ndarray:
    """(N, 6, H, W): pictures of 8x8 blocks in [0, 1] and the same moved, H and W rounded up to the network's multiple.

    Args:
        size: (width, height).
    """
    w, h = (-(-value // multiple) * multiple for value in size)
    blocks = np.random.default_rng(1).random((batch, 3, -(-h // 8), -(-w // 8)), dtype=np.float32)
    first = blocks.repeat(8, axis=2).repeat(8, axis=3)[:, :, :h, :w]
    return np.concatenate([first, np.roll(first, (2, 3), axis=(2, 3))], axis=1)


def thread_environment(threads: int) -> dict[str, str]:
    """The environment of a process that computes with this many threads, whatever its libraries are."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FLOWNET2_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(threads))}


def facts(threads: int) -> dict[str, Any]:
    """Where and when: goes into every record."""
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "commit": commit.stdout.strip() or "unknown",
        "versions": {"python": platform.python_version(), **_versions()},
        "isa": get_isa(),
        "threads": threads,
        "load_before": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def peaks() -> dict[str, float | None]:
    """What the processor computes at best right now, GFLOP/s by kind; None where it has no such arithmetic."""
    return {kind: measure_peak(kind) for kind in ("fma", "bf16")}


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def save(kind: str, record: dict[str, Any], table: str, folder: Path) -> Path:
    """FOLDER/DATE-CPU-KIND.json and .md; a record of the same day is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    cpu = re.sub(r"[^a-z0-9]+", "-", record["cpu"].lower()).strip("-")
    path = folder / f"{record['date'][:10]}-{cpu}-{kind}.json"
    path.write_text(json.dumps({"kind": kind, **record}, indent=1) + "\n")
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    load = record["load_before"]
    head = (
        f"# {kind}: {record['cpu']}, {record['threads']} threads\n\n"
        f"{record['date']}, commit {record['commit']}, {versions}; {record['system']}; "
        f"load before the run {load[0]:.2f}.\n\n"
        if load
        else f"# {kind}: {record['cpu']}\n\n"
    )
    path.with_suffix(".md").write_text(head + table + "\n")
    return path


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table with columns of one width."""
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(n) for c, n in zip(line, widths, strict=True)) + " |" for line in lines)
