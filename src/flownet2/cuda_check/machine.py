# SPDX-License-Identifier: Apache-2.0
"""The GPUs that there are, or why none can be used, and the versions of everything."""

from __future__ import annotations

import importlib.metadata
import platform

import numpy as np

import flownet2
from flownet2.errors import UnavailableError
from flownet2.executors.cuda import Device, best_engine, open_device, visible_gpus
from flownet2.executors.cuda.cudnn import installed, usable
from flownet2.machine import cpu_name

_PACKAGES = ("nvidia-cudnn-frontend", "nvidia-cudnn-cu13", "nvidia-cudnn-cu12", "nvidia-cublas", "nvidia-cublas-cu12")


def gpu_line() -> str:
    """The first GPU's name, or in a line why it cannot be used; never raises.

    CuPy is imported only where it is installed, and where this build has kernels.
    """
    try:
        facts = _facts(open_device())
    except UnavailableError as error:
        return f"not usable: {error}"
    except Exception as error:  # a broken driver or CuPy must not end the check of a CPU
        return f"not usable: {type(error).__name__}: {error}".splitlines()[0]
    return f"{facts['name']}, compute capability {facts['compute capability']}, {facts['memory']}"


def gpus(index: int, device: Device) -> dict[int, dict[str, str]]:
    """Facts of the GPU that is checked and of all others; of one that cannot be used, its "problem"."""
    found = {index: _facts(device)}
    for other in range(visible_gpus()):
        if other == index:
            continue
        try:
            found[other] = _facts(open_device(other))
        except Exception as error:
            found[other] = {"problem": str(error)}
    return dict(sorted(found.items()))


def _facts(device: Device) -> dict[str, str]:
    with device.scope():
        return device.facts()


def versions() -> dict[str, str]:
    """Of what takes part."""
    found = {
        "flownet2": flownet2.__version__,
        "compiler": flownet2.build_info()["compiler"],
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "system": platform.platform(),
        "CPU": cpu_name(),
    }
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if best_engine() == "cudnn":
        found["cuDNN"] = _cudnn()
    return found


def _cudnn() -> str:
    """The version of the library that the frontend loads; or why it is not used."""
    try:
        backend = int(usable(installed()).backend_version())
    except UnavailableError as error:
        return f"not usable: {error}"
    return f"{backend // 10000}.{backend // 100 % 100}.{backend % 100}"
