# SPDX-License-Identifier: Apache-2.0
"""PyTorch beside us, where it is installed: the same weights, the same pictures, on the same GPU."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from flownet2.cuda_check.random_model import inputs
from flownet2.cuda_check.report import Job, Peer, Settings
from flownet2.cuda_check.speed import medium, milliseconds
from flownet2.cuda_check.torch_graph import TorchNetwork
from flownet2.executors.cuda import CudaExecutor, Device

_WARM_UP = 3


def absent(settings: Settings) -> str:
    """Why there is nothing to compare with; "" if there is."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed"
    import torch

    if settings.torch_device.startswith("cuda") and not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} sees no GPU"
    return ""


def version() -> str:
    """Of PyTorch."""
    import torch

    return str(torch.__version__)


def jobs(device: Device, settings: Settings) -> list[Job[Peer]]:
    """Every timed network in all precisions."""
    return [
        Job(partial(_compared, device, settings, name, precision), partial(_failed, name, precision))
        for name in settings.timed
        for precision in settings.precisions
    ]


def _failed(name: str, precision: str, error: str) -> Peer:
    return Peer(name, precision, error=error)


def _compared(device: Device, settings: Settings, name: str, precision: str) -> Peer:
    made = medium(name, settings)
    pictures = inputs(made.graph, settings.timed_size)
    network = CudaExecutor(device, precision=precision, engine=settings.engines[0]).compile(made.graph, made.parameters)
    ours = milliseconds(device, network, made, settings)
    flow = network.run(pictures, ["flow"])["flow"]
    del network
    peer = TorchNetwork(made.graph, made.parameters, precision, settings.torch_device)
    off = np.abs(flow - peer.flow(pictures))
    there = peer.pictures(pictures)
    theirs = _elapsed(lambda: peer.run(there), settings)
    captured = _captured(lambda: peer.run(there), settings)
    finite = bool(np.isfinite(off).all())
    return Peer(
        name,
        precision,
        largest=float(off.max()) if finite else None,
        mean=float(off.mean()) if finite else None,
        ours=statistics.median(ours),
        theirs=statistics.median(theirs),
        theirs_captured=None if captured is None else statistics.median(_elapsed(captured, settings)),
    )


def _captured(call: Callable[[], Any], settings: Settings) -> Callable[[], Any] | None:
    """What replays the launches of a call as one CUDA graph; None where there is no GPU. It has been run before."""
    if not settings.torch_device.startswith("cuda"):
        return None
    import torch

    with torch.cuda.device(settings.torch_device):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()
    replay: Callable[[], Any] = graph.replay
    return replay


def _elapsed(call: Callable[[], Any], settings: Settings) -> list[float]:
    """Milliseconds of each round, by the GPU's clock where there is one."""
    for _ in range(_WARM_UP):
        call()
    if not settings.torch_device.startswith("cuda"):
        times = []
        for _ in range(settings.rounds):
            begin = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - begin))
        return times
    import torch

    with torch.cuda.device(settings.torch_device):
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(settings.rounds)]
        for begin_event, end_event in events:
            begin_event.record()
            call()
            end_event.record()
        torch.cuda.synchronize()
        return [begin_event.elapsed_time(end_event) for begin_event, end_event in events]
