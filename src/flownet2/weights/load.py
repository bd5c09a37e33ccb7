# SPDX-License-Identifier: Apache-2.0
"""A path -> a model, whatever kind of file it is."""

from __future__ import annotations

from flownet2.errors import InputError
from flownet2.types import PathLike
from flownet2.weights.checkpoint import read_with_metadata
from flownet2.weights.importer import import_checkpoint
from flownet2.weights.model import Model
from flownet2.weights.model_file import is_model_file, model_from_safetensors


def load_model(path: PathLike, network: str | None = None) -> Model:
    """Reads one of our model files, or imports a checkpoint (mmflow's .pth, or safetensors with known names).

    Args:
        path: the file; its kind is told by its content.
        network: the checkpoint's network, None to recognise it.

    Raises:
        CheckpointError: the file is broken, hostile or of a kind that is not read.
        WeightsError: the tensors do not fit the network.
        InputError: `network` is unknown, or contradicts the model file.
        OSError: the file is missing or cannot be read.
    """
    content, metadata = read_with_metadata(path)
    if not is_model_file(metadata):
        return import_checkpoint(path, content, network)
    model = model_from_safetensors(path, content, metadata)
    if network not in (None, model.graph.name):
        raise InputError(f"{path}: this model file holds {model.graph.name!r}, not {network!r}; leave network out")
    return model
