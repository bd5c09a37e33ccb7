# SPDX-License-Identifier: Apache-2.0
"""Competitors in processes of their own that take turns, so that load on the machine meets them alike."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import parse_size, thread_environment
from exports import model_file, peer_file
from worker import PEERS, Task

from flownet2.executors import EXECUTORS

PRECISIONS = ("float32", "bfloat16")
PEER_FORMS = {"torch": "torch", "ort": "onnx", "openvino": "openvino"}
# Our names of instruction sets -> oneDNN's (in PyTorch and OpenVINO) and ATen's (PyTorch's own kernels).
ONEDNN_ISAS = {"avx2": "AVX2", "avx512": "AVX512_CORE", "avx512_bf16": "AVX512_CORE_BF16", "amx": "AVX512_CORE_AMX"}
SETTLE_S = 0.3
"""Pause before each turn: idle threads of the one before may still be spinning."""


@dataclass(frozen=True)
class Spec:
    """A competitor as the command line names it: KIND[:PRECISION[:ISA]], and how many pairs it gets at once."""

    kind: str
    precision: str = "float32"
    isa: str = ""
    batch: int = 1

    @property
    def name(self) -> str:
        """The same, without what goes without saying."""
        precision = "" if self.precision == "float32" else self.precision
        text = ":".join([self.kind, precision, self.isa]).rstrip(":")
        return text if self.batch == 1 else f"{text}@{self.batch}"

    @property
    def is_peer(self) -> bool:
        """Whether it is somebody else's."""
        return self.kind in PEERS


def parse_spec(text: str) -> Spec:
    """native::avx2 -> a Spec; SystemExit for what there is not."""
    kind, precision, isa = [*text.split(":"), "", ""][:3]
    spec = Spec(kind, precision or "float32", isa)
    if text.count(":") > 2 or kind not in {*EXECUTORS, *PEERS}:
        raise SystemExit(f"{text}: expected KIND[:PRECISION[:ISA]], KIND one of {', '.join([*EXECUTORS, *PEERS])}")
    if spec.precision not in PRECISIONS:
        raise SystemExit(f"{text}: the precision must be one of {', '.join(PRECISIONS)}")
    if kind == "ort" and (spec.isa or spec.precision != "float32"):
        raise SystemExit(f"{text}: ONNX Runtime has neither bfloat16 on the CPU nor a choice of instruction set")
    if spec.is_peer and spec.isa and spec.isa not in ONEDNN_ISAS:
        raise SystemExit(f"{text}: the instruction set of a peer must be one of {', '.join(ONEDNN_ISAS)}")
    return spec


def environment(spec: Spec, threads: int) -> dict[str, str]:
    """Of its process: threads for whatever library it loads, and the instruction set it is held to."""
    chosen = {}
    if spec.isa and spec.is_peer:
        chosen = {
            "ONEDNN_MAX_CPU_ISA": ONEDNN_ISAS[spec.isa],
            "ATEN_CPU_CAPABILITY": "avx2" if spec.isa == "avx2" else "avx512",
        }
    elif spec.isa:
        chosen = {"FLOWNET2_ISA": spec.isa}
    return {**thread_environment(threads), **chosen}


def obeys(spec: Spec, kernels: Sequence[str]) -> bool:
    """Whether the kernels that it names are of the instruction set it is held to.

    Of OpenVINO's they are the convolutions: oneDNN's variable does not reach the plugin's own small kernels.
    """
    if not spec.isa:
        return True
    if not spec.is_peer:
        return list(kernels) == [spec.isa]
    beyond = {"avx2": ("avx512", "amx"), "avx512": ("amx", "bf16"), "avx512_bf16": ("amx",)}.get(spec.isa, ())
    convolutions = [kernel.lower() for kernel in kernels if "convolution" in kernel.lower()]
    return not any(word in kernel for word in beyond for kernel in convolutions)


class Runner:
    """A competitor's process."""

    def __init__(self, spec: Spec, task: Task) -> None:
        self.spec = spec
        self.task = task
        self.turns: list[dict[str, float]] = []
        self.end: dict[str, Any] = {}
        worker = Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(worker), json.dumps(dataclasses.asdict(task))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(spec, task.threads),
        )
        self.ready = self._answer()
        if not obeys(spec, self.ready["kernels"]):
            raise SystemExit(f"{spec.name} does not keep to {spec.isa}; it runs {', '.join(self.ready['kernels'])}")

    def turn(self, *, counts: bool) -> None:
        """One run; a warm-up is not counted."""
        assert self.process.stdin is not None
        time.sleep(SETTLE_S)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        seconds = self._answer()
        if counts:
            self.turns.append(seconds)

    def finish(self) -> None:
        """Asks for the peak memory and ends the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.end = self._answer()
        self.process.wait()

    def flow(self) -> np.ndarray:
        """Of its first run: (N, 2, H, W)."""
        flow: np.ndarray = np.load(self.task.output)
        return flow

    def walls(self) -> list[float]:
        """Seconds of the rounds."""
        return [turn["wall_s"] for turn in self.turns]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            raise SystemExit(f"{self.spec.name}: the worker stopped with status {status}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def race(
    network: str, size: str, specs: Sequence[Spec], *, threads: int, rounds: int, folder: Path, cache: Path
) -> list[Runner]:
    """One network at one size: all competitors, in turns; ended when this returns.

    Args:
        folder: for model files and flows.
        cache: for the peers' files.
    """
    field: list[Runner] = []
    try:
        for number, spec in enumerate(specs):
            file = (
                peer_file(PEER_FORMS[spec.kind], network, size, cache)
                if spec.is_peer
                else model_file(network, spec.precision, folder)
            )
            output = str(folder / f"{number}.npy")
            task = Task(
                spec.kind, spec.precision, network, parse_size(size), spec.batch, threads, str(file.resolve()), output
            )
            field.append(Runner(spec, task))
        for number in range(rounds + 1):
            for runner in field:
                runner.turn(counts=number > 0)
        for runner in field:
            runner.finish()
    finally:
        for runner in field:
            runner.process.kill()
            runner.process.wait()
    return field
