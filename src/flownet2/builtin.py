# SPDX-License-Identifier: Apache-2.0
"""The files inside the package: the built-in network and the demo pair; and what a model's name stands for."""

from __future__ import annotations

import os
from pathlib import Path

from flownet2.errors import InputError
from flownet2.networks import NETWORKS
from flownet2.types import PathLike

DATA = Path(__file__).parent / "data"

MODELS = {"flownet2-lite": DATA / "flownet2-lite.safetensors"}
"""Names that need no path."""

DEMO_FRAME1 = DATA / "demo" / "frame_0001.png"
DEMO_FRAME2 = DATA / "demo" / "frame_0002.png"
DEMO_FLOW = DATA / "demo" / "frame_0001.flo"


def model_path(name_or_path: PathLike) -> PathLike:
    """The file that a name or a path means.

    Raises:
        InputError: the name of a network whose weights are not in the package, or no name or path at all.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise InputError(f"expected a name or a path, got {type(name_or_path).__name__}")
    if name_or_path in MODELS:
        return MODELS[str(name_or_path)]
    if name_or_path in NETWORKS and not os.path.exists(name_or_path):  # noqa: PTH110 - may be any path-like
        raise InputError(
            f"the weights of {name_or_path!r} are not part of the package (built in: {', '.join(MODELS)}). "
            "Give the path of a checkpoint, such as mmflow's .pth file, or of a model file made of it: "
            "flownet2 convert checkpoint.pth -o model.safetensors"
        )
    return name_or_path
