# SPDX-License-Identifier: Apache-2.0
"""The self-check behind `flownet2 check`: what this build is, what it can do, whether it computes rightly.

Nothing is printed here.
"""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import flownet2
from flownet2.builtin import BUILT_IN, DEMO_FLOW, DEMO_FRAME1, DEMO_FRAME2, MODELS, model_path
from flownet2.errors import FlowNet2Error, UnavailableError
from flownet2.executors import EXECUTORS, PRECISIONS
from flownet2.io import read_flow, read_image
from flownet2.machine import cpu_name, usable_cpus
from flownet2.metrics import epe
from flownet2.model_check import model_checks
from flownet2.ops.kernels import KERNELS
from flownet2.runtime import BuildInfo, build_info, get_num_threads
from flownet2.types import PathLike
from flownet2.weights import load_model
from flownet2.weights.source import shown_name

EXTRAS: dict[str, tuple[str, ...]] = {
    "cli": ("cv2", "tqdm"),
    "hdf5": ("h5py",),
    "zoo": ("pooch",),
    "cuda12": ("cupy",),
    "cuda13": ("cupy",),
    "cudnn13": ("cudnn",),
}
"""Extra of the package -> the modules that it brings."""

# The built-in network on the demo pair, as measured when its weights were made (PyTorch, float32).
EXPECTED_EPE_PX = 0.4124
EXPECTED_MEAN_FLOW_PX = (-2.8496, 0.1939)
TOLERANCE_PX = 2e-3


@dataclass(frozen=True)
class SelfTest:
    """A computation with a known result.

    Attributes:
        name: what was computed.
        passed: None where it could not be run.
        detail: numbers, or why not.
    """

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Report:
    """What `check` finds.

    Attributes:
        version: of flownet2.
        build: facts of the compiled library.
        kernels: operators that are compiled.
        versions: of Python, NumPy, OpenCV (None where it is missing).
        machine: operating system, CPU, number of CPUs that may be used.
        threads: of one operator call.
        executors, precisions: available.
        devices: name -> what it is, or in a line why it cannot be used.
        extras: extra -> its modules that are missing; none: it is there.
        tests: the self-test.
    """

    version: str
    build: BuildInfo
    kernels: tuple[str, ...]
    versions: dict[str, str | None]
    machine: dict[str, str]
    threads: int
    executors: tuple[str, ...]
    devices: dict[str, str]
    precisions: tuple[str, ...]
    extras: dict[str, tuple[str, ...]]
    tests: tuple[SelfTest, ...]

    @property
    def passed(self) -> bool:
        """Whether no test failed."""
        return all(test.passed is not False for test in self.tests)


def check() -> Report:
    """Looks at the build and the machine, and runs the self-test: about two seconds.

    Raises:
        InputError: FLOWNET2_NUM_THREADS is not a number of threads.
    """
    return Report(
        version=flownet2.__version__,
        build=build_info(),
        kernels=tuple(KERNELS),
        versions=_versions(),
        machine={
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "cpu": cpu_name(),
            "cpus": str(usable_cpus()),
        },
        threads=get_num_threads(),
        executors=tuple(EXECUTORS),
        devices={"cpu": "usable", "cuda": _gpu()},
        precisions=PRECISIONS,
        extras={extra: _missing(modules) for extra, modules in EXTRAS.items()},
        tests=self_test(),
    )


def _gpu() -> str:
    """The first GPU, or why it cannot be used. CuPy is imported only where it is installed."""
    from flownet2.cuda_check.machine import gpu_line  # which imports the executors' other half

    return gpu_line()


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"python": platform.python_version(), "numpy": np.__version__}
    try:
        import cv2
    except ImportError:
        versions["opencv"] = None
    else:
        versions["opencv"] = cv2.__version__
    return versions


def _missing(modules: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in modules if importlib.util.find_spec(name) is None)


def self_test() -> tuple[SelfTest, ...]:
    """The built-in network on the demo pair, then its own check on every executor, ISA and precision of the CPU."""
    demo = _guarded("built-in network on the demo pair", _demo_pair)
    try:
        model = load_model(MODELS[BUILT_IN])
    except (FlowNet2Error, OSError):
        return (demo,)  # which failed for the same reason
    return demo, *(_guarded(f"built-in network, {name}", test) for name, test in model_checks(model, gpu=False))


def _guarded(name: str, test: Callable[[], tuple[bool, str]]) -> SelfTest:
    """A test that raises has failed, unless what it needs is not installed."""
    try:
        passed, detail = test()
    except UnavailableError as error:
        return SelfTest(name, None, str(error))
    except (FlowNet2Error, OSError, ArithmeticError, MemoryError) as error:
        return SelfTest(name, False, f"{type(error).__name__}: {error}")
    return SelfTest(name, passed, detail)


def _demo_pair() -> tuple[bool, str]:
    frame1, frame2 = read_image(DEMO_FRAME1), read_image(DEMO_FRAME2)
    flow = flownet2.load()(frame1, frame2)
    error = epe(flow, *read_flow(DEMO_FLOW))
    mean = flow.mean(axis=(0, 1), dtype=np.float64)
    off = max(abs(error - EXPECTED_EPE_PX), *np.abs(mean - EXPECTED_MEAN_FLOW_PX).tolist())
    return off <= TOLERANCE_PX, (
        f"EPE {error:.4f} px (expected {EXPECTED_EPE_PX:.4f}), mean flow {mean[0]:.4f}, {mean[1]:.4f} px "
        f"(expected {EXPECTED_MEAN_FLOW_PX[0]:.4f}, {EXPECTED_MEAN_FLOW_PX[1]:.4f})"
    )


@dataclass(frozen=True)
class FileReport:
    """What `check_file` finds.

    Attributes:
        kind: "flow", "picture" or "model".
        readable: whether it was read as that.
        detail: what is in it, or why it cannot be read.
        tests: a model file's own check, in every way that this machine can compute.
    """

    kind: str
    readable: bool
    detail: str
    tests: tuple[SelfTest, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it was read and no test failed."""
        return self.readable and all(test.passed is not False for test in self.tests)


_FLOW_SIGNATURES = (b"PIEH", b"PF\n", b"\x93NUMPY")
_PICTURE_SIGNATURES = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"RIFF",
    *(b"P%d" % n for n in range(1, 7)),
)
# Bit depth and colour type of a PNG stand at this offset; KITTI's flow has 16 bits and RGB.
_PNG_DEPTH = slice(24, 26)
_KITTI_DEPTH = b"\x10\x02"


def check_file(path: PathLike) -> FileReport:
    """Says what a file seems to be, by its first bytes and its suffix, and reads it as that.

    Args:
        path: a file, or the name of a model: "flownet2-lite", or of the catalogue.

    Raises:
        InputError: a model of the catalogue that is not on this machine.
        OSError: it is missing or cannot be opened.
        UnavailableError: a picture without OpenCV installed.
    """
    path = model_path(path)
    kind = _kind(path)
    try:
        if kind == "model":
            return _model_report(path)
        return FileReport(kind, True, _READERS[kind](path))
    except UnavailableError:
        raise
    except FlowNet2Error as error:
        detail = str(error).removeprefix(f"{os.fspath(path)}: ").removeprefix(f"{shown_name(path)}: ")
        return FileReport(kind, False, detail)


def _kind(path: PathLike) -> str:
    suffix = Path(path).suffix.lower()
    head = b""
    if Path(path).is_file():  # anything else is for the readers to refuse: opening a pipe would wait
        with Path(path).open("rb") as file:
            head = file.read(26)
    if head.startswith(b"\x89PNG") and head[_PNG_DEPTH] == _KITTI_DEPTH and suffix == ".png":
        return "flow"
    if head.startswith(_PICTURE_SIGNATURES):
        return "picture"
    if head.startswith(_FLOW_SIGNATURES) or suffix in (".flo", ".pfm", ".npy", ".npz"):
        return "flow"
    return "picture" if suffix in (".png", ".jpg", ".jpeg", ".ppm") else "model"


def _flow_detail(path: PathLike) -> str:
    flow, valid = read_flow(path)
    size = f"{flow.shape[1]}x{flow.shape[0]} pixels"
    if not valid.any():
        return f"flow of {size}, none of them known"
    (u0, v0), (u1, v1) = flow[valid].min(axis=0), flow[valid].max(axis=0)
    return f"flow of {size}, {100 * valid.mean():.1f} % known, u {u0:.4g} to {u1:.4g} px, v {v0:.4g} to {v1:.4g} px"


def _picture_detail(path: PathLike) -> str:
    picture = read_image(path)
    return f"picture of {picture.shape[1]}x{picture.shape[0]} pixels, {8 * picture.itemsize} bits a channel"


def _model_report(path: PathLike) -> FileReport:
    model = load_model(path)
    count = sum(value.size for value in model.parameters.values())  # which reads and checks them
    tests = tuple(_guarded(name, test) for name, test in model_checks(model))
    detail = f"model {model.graph.name}, {count:,} parameters, origin {model.info.get('origin', 'not known')}"
    if not tests:
        detail += "; without a check of its flow, which flownet2 convert stores"
    return FileReport("model", True, detail, tests)


_READERS = {"flow": _flow_detail, "picture": _picture_detail}
