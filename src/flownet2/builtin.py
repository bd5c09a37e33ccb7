# SPDX-License-Identifier: Apache-2.0
"""The files inside the package: the built-in network and the demo pair; and what a model's name stands for."""

from __future__ import annotations

import os
from pathlib import Path

from flownet2.errors import InputError
from flownet2.networks import NETWORKS
from flownet2.types import PathLike

DATA = Path(__file__).parent / "data"

BUILT_IN = "flownet2-lite"
MODELS = {BUILT_IN: DATA / f"{BUILT_IN}.safetensors"}
"""Names that need no path."""

DEMO_FRAME1 = DATA / "demo" / "frame_0001.png"
DEMO_FRAME2 = DATA / "demo" / "frame_0002.png"
DEMO_FLOW = DATA / "demo" / "frame_0001.flo"


def model_path(name_or_path: PathLike) -> PathLike:
    """The file that a name or a path means: of a built-in network, or of the catalogue (`flownet2 models`).

    Raises:
        InputError: weights that are not on this machine, a misspelt name, or no name or path at all.
        As `flownet2.zoo.download`, where FLOWNET2_AUTO_DOWNLOAD is on.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise InputError(f"expected a name or a path, got {type(name_or_path).__name__}")
    if name_or_path in MODELS:
        return MODELS[str(name_or_path)]
    if os.path.exists(name_or_path):  # noqa: PTH110 - may be any path-like
        return name_or_path
    if name_or_path in NETWORKS:
        raise InputError(
            f"the weights of {name_or_path!r} are not part of the package (built in: {', '.join(MODELS)}). "
            "flownet2 models lists those that can be downloaded. Or give the path of a checkpoint, such as mmflow's "
            ".pth file, or of a model file made of it: flownet2 convert checkpoint.pth -o model.safetensors"
        )
    if isinstance(name_or_path, str) and os.path.basename(name_or_path) == name_or_path:  # noqa: PTH119
        from flownet2.zoo import find_model  # which `import flownet2` does without

        return find_model(name_or_path) or name_or_path
    return name_or_path
