# SPDX-License-Identifier: Apache-2.0
"""What the check of a GPU finds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from flownet2.executors import PRECISIONS
from flownet2.networks import NETWORKS

PARTS = ("operators", "networks", "speed", "torch", "sanitizer")


@dataclass(frozen=True)
class Settings:
    """How much is checked.

    Attributes:
        index: number of the GPU.
        parts: of PARTS.
        precisions, engines: of the executor.
        networks: compared with the CPU.
        timed: networks that are timed, and compared with PyTorch.
        width: share of the channels of networks with random weights; None for the published ones.
        compared_size, timed_size: (width, height) of the pictures, multiples of 64.
        demo_size: the demo pair is cut to it; None for all of it.
        rounds: timed calls.
        torch_device: where PyTorch runs.
    """

    index: int = 0
    parts: tuple[str, ...] = PARTS
    precisions: tuple[str, ...] = PRECISIONS
    engines: tuple[str, ...] = ("cublas",)
    networks: tuple[str, ...] = tuple(NETWORKS)
    timed: tuple[str, ...] = ("flownet2-lite", "flownet2")
    width: float | None = None
    compared_size: tuple[int, int] = (128, 64)
    timed_size: tuple[int, int] = (1024, 448)
    demo_size: tuple[int, int] | None = None
    rounds: int = 50
    torch_device: str = "cuda:0"


@dataclass(frozen=True)
class Difference:
    """A result of the GPU beside the right one.

    Attributes:
        name: what was computed.
        precision: element type of an operator's tensors, or precision of a network.
        engine: where convolutions came from; "" where there are none.
        largest, mean: differences: in pixels of flow; of operators, as a share of the largest right value.
        share: the largest share of what is allowed; above 1 it has failed.
        detail: what else there is to know.
        error: why there is no result; "" if there is one.
    """

    name: str
    precision: str
    engine: str = ""
    largest: float = 0.0
    mean: float = 0.0
    share: float = 0.0
    detail: str = ""
    error: str = ""

    @property
    def passed(self) -> bool:
        """Within what is allowed."""
        return not self.error and self.share <= 1


@dataclass(frozen=True)
class Step:
    """One step of a network: the value that it computes, its operator, its time alone."""

    value: str
    op: str
    milliseconds: float


@dataclass(frozen=True)
class Timing:
    """How long a network takes: pictures on the GPU in, flow on the GPU out.

    Attributes:
        captured: queued as one CUDA graph.
        size: (width, height) of the pictures.
        milliseconds: of each round, by the GPU's clock.
        weights_bytes, work_bytes: memory on the GPU: of the weights, and of all values of one call.
        steps: the slowest ones, where they were asked for.
        error: why there is no result; "" if there is one.
    """

    network: str
    precision: str
    engine: str
    captured: bool
    size: tuple[int, int]
    milliseconds: tuple[float, ...] = ()
    weights_bytes: int = 0
    work_bytes: int = 0
    steps: tuple[Step, ...] = ()
    error: str = ""

    @property
    def median(self) -> float:
        """Of the rounds, in milliseconds."""
        return statistics.median(self.milliseconds)

    @property
    def passed(self) -> bool:
        """Whether it could be timed."""
        return not self.error


@dataclass(frozen=True)
class Peer:
    """PyTorch on the same weights and pictures.

    Attributes:
        largest, mean: differences of its flow to ours, in pixels; None where its flow is not finite: float16 without
            care overflows.
        ours, theirs: medians in milliseconds: ours captured, with the first of the engines.
        theirs_captured: the same launches of PyTorch as one CUDA graph; None without a GPU.
        error: why there is no result; "" if there is one.
    """

    network: str
    precision: str
    largest: float | None = None
    mean: float | None = None
    ours: float = 0.0
    theirs: float = 0.0
    theirs_captured: float | None = None
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether both ran; PyTorch's numbers are no measure of ours."""
        return not self.error


@dataclass(frozen=True)
class Sanitized:
    """The operators under compute-sanitizer.

    Attributes:
        tool: such as "memcheck".
        errors: found; None if that is not known.
        detail: its last lines, or why it did not run.
    """

    tool: str
    errors: int | None
    detail: str = ""

    @property
    def passed(self) -> bool:
        """It ran and found nothing."""
        return self.errors == 0


class _Outcome(Protocol):
    @property
    def passed(self) -> bool: ...


@dataclass(frozen=True)
class CudaReport:
    """All that was found.

    Attributes:
        date: ISO 8601, UTC.
        versions: of everything that has one.
        gpus: facts of each GPU that is visible, by number; of one that cannot be used, "problem".
        settings: what was asked for.
        operators, networks, speed, torch, sanitizer: the parts; empty where `notes` says why.
        notes: what was left out, and why.
    """

    date: str
    versions: Mapping[str, str]
    gpus: Mapping[int, Mapping[str, str]]
    settings: Settings
    operators: tuple[Difference, ...] = ()
    networks: tuple[Difference, ...] = ()
    speed: tuple[Timing, ...] = ()
    torch: tuple[Peer, ...] = ()
    sanitizer: tuple[Sanitized, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """Results that are wrong or could not be had."""
        results: tuple[_Outcome, ...] = (*self.operators, *self.networks, *self.speed, *self.torch, *self.sanitizer)
        return sum(not result.passed for result in results)


Result = TypeVar("Result")


@dataclass(frozen=True)
class Job(Generic[Result]):
    """Something to be found out.

    Attributes:
        run: does it; may raise anything.
        failed: the result where it raised, made of the reason.
    """

    run: Callable[[], Result]
    failed: Callable[[str], Result]

    def result(self) -> Result:
        """What comes of it; whatever goes wrong, the other jobs go on."""
        try:
            return self.run()
        except Exception as error:
            return self.failed(f"{type(error).__name__}: {' '.join(str(error).split())}")
