# SPDX-License-Identifier: Apache-2.0
"""Our model file: safetensors layout, the graph and its facts in the metadata (docs/model-format.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from flownet2.errors import CheckpointError, FlowNet2Error, InputError, WeightsError
from flownet2.graph import graph_from_json, graph_to_json
from flownet2.preprocess import Preprocess
from flownet2.types import Array, PathLike
from flownet2.weights.model import Model
from flownet2.weights.safetensors import write_safetensors
from flownet2.weights.table import fit

FORMAT = "flownet2"
FORMAT_VERSION = "1"
PROBE = "probe."
"""Metadata and tensors whose names begin so belong to a stored self-check; readers of this version skip them."""

_OWN_KEYS = ("format", "format_version", "graph", "preprocess")
DTYPES = ("float32", "float16")


def write_model(path: PathLike, model: Model, dtype: str = "float32") -> None:
    """Writes a model file; nothing is left behind if that fails.

    Args:
        path: file to write, replaced if it exists.
        model: what to write.
        dtype: of the stored weights, "float32" or "float16" (half the size; read back as float32).

    Raises:
        InputError: another dtype, or facts under a reserved name.
        WeightsError: weights too large for float16.
        OSError: the file cannot be written.
    """
    if dtype not in DTYPES:
        raise InputError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    for key in model.info:
        if key in _OWN_KEYS or key.startswith(PROBE):
            raise InputError(f"the name {key!r} is reserved in model files; choose another for this fact")
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "graph": graph_to_json(model.graph),
        "preprocess": model.preprocess.to_json(),
        **model.info,
    }
    weights = {name: _stored(os.fspath(path), name, value, dtype) for name, value in model.parameters.items()}
    write_safetensors(path, weights, metadata)


def is_model_file(metadata: Mapping[str, str]) -> bool:
    """Whether a safetensors file with this metadata is one of ours."""
    return metadata.get("format") == FORMAT


def model_from_safetensors(path: PathLike, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> Model:
    """The model of a file that `is_model_file` recognised.

    Raises:
        CheckpointError: another version, or a graph that is not valid; the message names the file.
        WeightsError: the tensors do not fit the graph.
    """
    name = os.fspath(path)
    if metadata.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{name}: model file of version {metadata.get('format_version')!r}, this flownet2 reads "
            f"{FORMAT_VERSION!r}; a newer flownet2 may read it (pip install -U flownet2)"
        )
    try:
        graph = graph_from_json(metadata.get("graph", ""))
        preprocess = Preprocess.from_json(metadata.get("preprocess", ""))
    except FlowNet2Error as error:
        raise CheckpointError(f"{name}: {error}") from None
    weights = {key: value for key, value in tensors.items() if not key.startswith(PROBE)}
    parameters = fit(name, graph.name, graph.parameters, weights)
    info = {k: v for k, v in metadata.items() if k not in _OWN_KEYS and not k.startswith(PROBE)}
    return Model(graph, parameters, preprocess, info)


def _stored(path: str, name: str, value: Array, dtype: str) -> Array:
    if dtype == "float16" and float(np.abs(value).max(initial=0)) > float(np.finfo(np.float16).max):
        raise WeightsError(f"{Path(path).name}: {name} holds values too large for float16; write float32")
    return value.astype(dtype)
