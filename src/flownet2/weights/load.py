# SPDX-License-Identifier: Apache-2.0
"""A path -> a model, whatever kind of file it is."""

from __future__ import annotations

from contextlib import ExitStack

from flownet2.errors import InputError
from flownet2.types import PathLike
from flownet2.weights.checkpoint import kind_of, load_content
from flownet2.weights.identify import SAFETENSORS
from flownet2.weights.importer import import_checkpoint
from flownet2.weights.model import Model
from flownet2.weights.model_file import is_model_file, model_from_file
from flownet2.weights.source import Source, naming, shown_name
from flownet2.weights.stored import read_header


def load_model(path: PathLike, network: str | None = None, origin: str | None = None) -> Model:
    """Opens one of our model files, or imports a checkpoint (mmflow's, NVIDIA's, ptlflow's, or one with our names).

    A model file stays open, and its weights in it, as long as `Model.parameters` is used; what is wrong with their
    numbers is found when they are read. Checkpoints are read whole.

    Args:
        path: the file; its kind is told by its content.
        network: the checkpoint's network, None to recognise it.
        origin: whose arithmetic the checkpoint is for, None to recognise it.

    Raises:
        CheckpointError: the file is broken, hostile or of a kind that is not read.
        WeightsError: the tensors do not fit the network.
        InputError: `network` or `origin` is unknown, or contradicts the model file.
        OSError: the file is missing or cannot be read.
    """
    name = shown_name(path)
    with naming(name), ExitStack() as closing:
        source = closing.enter_context(Source(path))
        kind = kind_of(source, name)
        header = read_header(source) if kind == SAFETENSORS else None
        if header is None or not is_model_file(header.metadata):
            content = load_content(kind, source.read())
            return import_checkpoint(path, content, network, origin)
        model = model_from_file(name, source, header)
        closing.pop_all()  # the model's parameters need it open
    if network not in (None, model.graph.name):
        raise InputError(f"{path}: this model file holds {model.graph.name!r}, not {network!r}; leave network out")
    stored = model.info.get("origin", "not known")
    if origin not in (None, stored):
        raise InputError(
            f"{path}: the origin of this model file is {stored}, which its graph follows; leave origin out, or convert "
            f"the checkpoint again with --origin {origin}"
        )
    return model
