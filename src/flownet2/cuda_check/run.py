# SPDX-License-Identifier: Apache-2.0
"""All parts of the check of a GPU, one after the other."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from typing import Any

from flownet2.cuda_check import kernels, layers, machine, networks, peer, sanitizer, speed
from flownet2.cuda_check.report import PARTS, CudaReport, Job, Settings
from flownet2.executors.cuda import Device, best_engine

QUICK_ROUNDS = 10
_LARGE = "flownet2"


def settings_for(index: int = 0, *, quick: bool = False, parts: Sequence[str] = PARTS) -> Settings:
    """What is checked on a GPU: with all engines that are installed.

    Args:
        index: number of the GPU.
        quick: without the largest network, and with fewer rounds.
        parts: of PARTS.
    """
    engines = ("cudnn", "cublas") if best_engine() == "cudnn" else ("cublas",)
    chosen = Settings(index, tuple(parts), engines=engines, torch_device=f"cuda:{index}")
    if not quick:
        return chosen
    networks, timed = (tuple(n for n in names if n != _LARGE) for names in (chosen.networks, chosen.timed))
    return dataclasses.replace(chosen, rounds=QUICK_ROUNDS, networks=networks, timed=timed)


def job_count(device: Device, settings: Settings) -> int:
    """How often `check_cuda` calls `tick`."""
    return sum(map(len, _work(device, settings)[0].values()))


def check_cuda(device: Device, settings: Settings, tick: Callable[[], object] = lambda: None) -> CudaReport:
    """Runs all parts; whatever fails is in the report, and the others still run.

    Args:
        device: what is checked; the tests' runs kernels on the CPU.
        settings: how much.
        tick: called after each job.
    """
    gpus = machine.gpus(settings.index, device)  # first: what fails later may leave the GPU unusable
    work, notes = _work(device, settings)
    results: dict[str, list[Any]] = {part: [] for part in work}
    for part, jobs in work.items():
        for job in jobs:
            results[part].append(job.result())
            tick()
    versions = machine.versions()
    if "torch" in work:
        versions["PyTorch"] = peer.version()
    return CudaReport(
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        versions=versions,
        gpus=gpus,
        settings=settings,
        notes=notes,
        **{part: tuple(found) for part, found in results.items()},
    )


def _work(device: Device, settings: Settings) -> tuple[dict[str, Sequence[Job[Any]]], tuple[str, ...]]:
    """The jobs of each part that is wanted and possible, and why others are not."""
    makers: dict[str, tuple[str, Callable[[], Sequence[Job[Any]]]]] = {
        "operators": (
            "",
            lambda: [*kernels.jobs(device), *layers.jobs(device, settings.precisions, settings.engines)],
        ),
        "networks": ("", lambda: networks.jobs(device, settings)),
        "speed": ("", lambda: speed.jobs(device, settings)),
        "torch": (peer.absent(settings) if "torch" in settings.parts else "", lambda: peer.jobs(device, settings)),
        "sanitizer": (sanitizer.absent(), lambda: sanitizer.jobs(settings)),
    }
    wanted = {part: makers[part] for part in PARTS if part in settings.parts}
    notes = [f"{part}: {missing}" for part, (missing, _) in wanted.items() if missing]
    notes += [f"{part}: not asked for" for part in PARTS if part not in settings.parts]
    if "cudnn" not in settings.engines:
        notes.append('cuDNN: nvidia-cudnn-frontend is not installed: pip install "flownet2[cudnn13]"')
    return {part: make() for part, (missing, make) in wanted.items() if not missing}, tuple(notes)
