# SPDX-License-Identifier: Apache-2.0
"""One competitor in a process of its own, started by race.py with a Task as JSON.

It prints one JSON line when ready, then for every line "go" on standard input runs once and prints its seconds; at the
end of the input it prints its peak memory. Imports are not timed: a program that computes flow has them once.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import network_input

import flownet2
from flownet2.machine import peak_memory_bytes
from flownet2.networks import MMFLOW, build_network
from flownet2.runtime import get_isa

Run = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Task:
    """What to run.

    Attributes:
        kind: executor of the package, or "torch", "ort", "openvino".
        precision: "float32" or "bfloat16".
        network: its name.
        size: (width, height).
        batch, threads: of a call.
        file: what to load.
        output: .npy file for the flow.
    """

    kind: str
    precision: str
    network: str
    size: tuple[int, int]
    batch: int
    threads: int
    file: str
    output: str


class Competitor:
    """Loads, then runs on one input."""

    def __init__(self, task: Task, x: np.ndarray) -> None:
        self.task = task
        self.x = x

    def load(self) -> Run:
        """Everything before the first run."""
        raise NotImplementedError

    def kernels(self) -> list[str]:
        """What the competitor says of the instructions that it uses, after the first run."""
        return []


class Package(Competitor):
    """Our own, as a user has it: a model file and flownet2.load."""

    def load(self) -> Run:
        flownet2.set_num_threads(self.task.threads)
        model = flownet2.load(self.task.file, executor=self.task.kind, precision=self.task.precision)
        return lambda: model.forward(self.x)

    def kernels(self) -> list[str]:
        return [get_isa()]


class Torch(Competitor):
    """PyTorch, eager; bfloat16 by autocast."""

    def __init__(self, task: Task, x: np.ndarray) -> None:
        super().__init__(task, x)
        import peers
        import torch

        self.torch, self.peers = torch, peers

    def load(self) -> Run:
        torch = self.torch
        torch.set_num_threads(self.task.threads)
        graph = build_network(self.task.network, MMFLOW)
        module = self.peers.TorchNetwork(graph, torch.load(self.task.file, weights_only=True))
        tensor = torch.from_numpy(self.x)

        def run() -> np.ndarray:
            low = self.task.precision == "bfloat16"
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
                flow: np.ndarray = module(tensor).float().numpy()
                return flow

        return run

    def kernels(self) -> list[str]:
        return [f"ATen {self.torch.backends.cpu.get_cpu_capability()}"]


class OnnxRuntime(Competitor):
    """ONNX Runtime's CPU provider."""

    def __init__(self, task: Task, x: np.ndarray) -> None:
        super().__init__(task, x)
        import onnxruntime

        self.onnxruntime = onnxruntime

    def load(self) -> Run:
        options = self.onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.task.threads
        session = self.onnxruntime.InferenceSession(self.task.file, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"x": self.x})[0]


class OpenVino(Competitor):
    """OpenVINO's CPU plugin."""

    def __init__(self, task: Task, x: np.ndarray) -> None:
        super().__init__(task, x)
        import openvino

        self.openvino = openvino
        self.compiled: Any = None

    def load(self) -> Run:
        hint = {"float32": "f32", "bfloat16": "bf16"}[self.task.precision]
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": self.task.threads,
        }
        self.compiled = self.openvino.Core().compile_model(self.task.file, "CPU", settings)
        request = self.compiled.create_infer_request()

        def run() -> np.ndarray:
            flow: np.ndarray = request.infer({0: self.x})[0]
            return flow.copy()  # it is the request's own memory

        return run

    def kernels(self) -> list[str]:
        """Layers and kernels of the compiled network, such as "Convolution brgconv_avx512_f32"."""
        infos = (node.get_rt_info() for node in self.compiled.get_runtime_model().get_ops())
        named = ([info[key].astype(str) for key in ("layerType", "primitiveType") if key in info] for info in infos)
        return sorted({" ".join(words) for words in named if words})


PEERS: dict[str, type[Competitor]] = {"torch": Torch, "ort": OnnxRuntime, "openvino": OpenVino}


def main() -> None:
    task = Task(**json.loads(sys.argv[1]))
    x = network_input(task.size, build_network(task.network).size_multiple, task.batch)
    # Libraries print warnings of their own; the answers get a copy of standard output for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    competitor = PEERS.get(task.kind, Package)(task, x)
    start = time.perf_counter()
    run = competitor.load()
    flow = run()
    ready = {"shape": list(x.shape), "first_s": time.perf_counter() - start, "kernels": competitor.kernels()}
    np.save(task.output, flow)
    del flow
    print(json.dumps(ready), file=answers, flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        print(json.dumps(seconds), file=answers, flush=True)
    peak = peak_memory_bytes()
    print(json.dumps({"peak_mib": None if peak is None else peak / 2**20}), file=answers, flush=True)


if __name__ == "__main__":
    main()
