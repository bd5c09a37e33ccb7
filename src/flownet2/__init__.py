# SPDX-License-Identifier: Apache-2.0
"""FlowNet 2.0 optical flow without PyTorch.

Example:
    >>> import numpy as np
    >>> import flownet2
    >>> model = flownet2.load()
    >>> image1 = image2 = np.zeros((100, 200, 3), np.uint8)
    >>> model(image1, image2).shape
    (100, 200, 2)
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import TYPE_CHECKING

if importlib.util.find_spec("flownet2._core") is None:
    raise ImportError(
        f"flownet2 has no compiled module beside {__file__}. A source tree is not importable as it is: install it "
        "with `pip install .` and run Python from another folder, or see CONTRIBUTING.md for an editable install"
    )

from flownet2.api import FlowEstimator, load
from flownet2.embedding import get_cmake_dir
from flownet2.errors import (
    CheckpointError,
    DatasetError,
    DownloadError,
    FlowFileError,
    FlowNet2Error,
    GraphError,
    ImageError,
    InputError,
    LicenseError,
    UnavailableError,
    WeightsError,
)
from flownet2.runtime import build_info, get_num_threads, set_num_threads

if TYPE_CHECKING:
    from flownet2 import datasets, io, metrics, ops, viz, zoo

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "DatasetError",
    "DownloadError",
    "FlowEstimator",
    "FlowFileError",
    "FlowNet2Error",
    "GraphError",
    "ImageError",
    "InputError",
    "LicenseError",
    "UnavailableError",
    "WeightsError",
    "__version__",
    "build_info",
    "datasets",
    "get_cmake_dir",
    "get_num_threads",
    "io",
    "load",
    "metrics",
    "ops",
    "set_num_threads",
    "viz",
    "zoo",
]

_SUBMODULES = frozenset({"datasets", "io", "metrics", "ops", "viz", "zoo"})


def __getattr__(name: str) -> ModuleType:
    """Loads a submodule when it is first used: `import flownet2` stays quick."""
    if name in _SUBMODULES:
        return importlib.import_module(f"flownet2.{name}")
    raise AttributeError(f"module 'flownet2' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
