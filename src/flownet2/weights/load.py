# SPDX-License-Identifier: Apache-2.0
"""A path -> a model, whatever kind of file it is."""

from __future__ import annotations

from pathlib import Path

from flownet2.errors import InputError
from flownet2.types import PathLike
from flownet2.weights.checkpoint import read_checkpoint
from flownet2.weights.importer import import_checkpoint
from flownet2.weights.model import Model
from flownet2.weights.model_file import is_model_file, model_from_safetensors
from flownet2.weights.safetensors import read_safetensors


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
    if not _looks_like_safetensors(path):
        return import_checkpoint(path, read_checkpoint(path), network)
    tensors, metadata = read_safetensors(path)
    if not is_model_file(metadata):
        return import_checkpoint(path, tensors, network)
    model = model_from_safetensors(path, tensors, metadata)
    if network not in (None, model.graph.name):
        raise InputError(f"{path}: this model file holds {model.graph.name!r}, not {network!r}; leave network out")
    return model


def _looks_like_safetensors(path: PathLike) -> bool:
    """Eight bytes of length, then JSON; torch files begin with PK or a pickle's 0x80."""
    file = Path(path)
    if not file.is_file():
        return False  # whatever it is, the checkpoint reader says it better
    with file.open("rb") as stream:
        head = stream.read(9)
    return head[8:] == b"{" and not head.startswith((b"PK", b"\x80\x02"))
