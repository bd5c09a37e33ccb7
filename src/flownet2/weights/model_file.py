# SPDX-License-Identifier: Apache-2.0
"""Our model file: safetensors layout, the graph and its facts in the metadata (docs/model-format.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from flownet2.errors import CheckpointError, FlowNet2Error, InputError, WeightsError
from flownet2.graph import graph_from_json, graph_to_json
from flownet2.preprocess import Preprocess
from flownet2.probe import Probe
from flownet2.types import Array, PathLike
from flownet2.weights.model import Model
from flownet2.weights.safetensors import write_tensors
from flownet2.weights.safetensors_header import Header
from flownet2.weights.source import Source
from flownet2.weights.stored import StoredParameters
from flownet2.weights.table import check_fit, dtype_fault

FORMAT = "flownet2"
FORMAT_VERSION = "1"
PROBE = "probe."
"""Metadata and tensors whose names begin so belong to a stored self-check; a reader skips those it does not know."""
_PROBE_FLOW, _PROBE_SEED, _PROBE_BFLOAT16 = "probe.flow", "probe.seed", "probe.bfloat16_px"
_LARGEST_PROBE = 1024
"""Rows and columns of a probe that is still read."""

_OWN_KEYS = ("format", "format_version", "graph", "preprocess")
DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
"""What weights may be stored as -> the name of that in the file."""

_LARGEST = {"float16": 65504.0, "bfloat16": 255 * 2.0**120}


def write_model(path: PathLike, model: Model, dtype: str = "float32") -> None:
    """Writes a model file; nothing is left behind if that fails.

    Args:
        path: file to write, replaced if it exists.
        model: what to write.
        dtype: of the stored weights: "float32", or for half the size "float16" or "bfloat16" (rounded to nearest, ties
            to even; read back as float32).

    Raises:
        InputError: another dtype, or facts under a reserved name.
        WeightsError: weights too large for the dtype, and what reading `model.parameters` raises.
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
    table = {name: (DTYPES[dtype], shape) for name, shape in model.graph.parameters.items()}
    extra: dict[str, Array] = {}
    if model.probe is not None:
        metadata[_PROBE_SEED] = str(model.probe.seed)
        extra = {_PROBE_FLOW: model.probe.flow, _PROBE_BFLOAT16: np.array([model.probe.bfloat16_px], np.float32)}
        table |= {name: (DTYPES["float32"], array.shape) for name, array in extra.items()}

    def value(name: str) -> Array:
        return extra[name] if name in extra else _storable(Path(path).name, name, model.parameters[name], dtype)

    write_tensors(path, table, metadata, value)


def is_model_file(metadata: Mapping[str, str]) -> bool:
    """Whether a safetensors file with this metadata is one of ours."""
    return metadata.get("format") == FORMAT


def model_from_file(name: str, source: Source, header: Header) -> Model:
    """The model of an open file that `is_model_file` recognised; `name` goes into messages.

    The model's parameters read from `source`, which they alone keep open from now on.

    Raises:
        CheckpointError: another version, or a graph that is not valid; the message names the file.
        WeightsError: the tensors do not fit the graph.
    """
    metadata = header.metadata
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
    if preprocess.flow_value not in graph.value_names() | graph.outputs.keys():
        raise CheckpointError(f"{name}: preprocess names the flow {preprocess.flow_value!r}, which the graph lacks")
    weights = {key: entry for key, entry in header.entries.items() if not key.startswith(PROBE)}
    check_fit(name, graph.name, graph.parameters, weights, dtype_fault)
    parameters = StoredParameters(name, source, header.data, {key: weights[key] for key in graph.parameters})
    info = {k: v for k, v in metadata.items() if k not in _OWN_KEYS and not k.startswith(PROBE)}
    return Model(graph, parameters, preprocess, info, parameters.dtypes, _probe(name, source, header))


def _probe(name: str, source: Source, header: Header) -> Probe | None:
    """The stored self-check, None if there is none of a form that is known here."""
    seed, entries = header.metadata.get(_PROBE_SEED, ""), header.entries
    flow, lost = entries.get(_PROBE_FLOW), entries.get(_PROBE_BFLOAT16)
    if flow is None or lost is None or flow.stored != "F32" or lost.stored != "F32" or lost.shape != (1,):
        return None
    if len(flow.shape) != 3 or flow.shape[2] != 2 or not 1 <= min(flow.shape) <= max(flow.shape) <= _LARGEST_PROBE:
        return None
    if not (seed.isascii() and seed.isdecimal() and len(seed) <= 10 and int(seed) < 2**32):
        return None
    values = StoredParameters(name, source, header.data, {_PROBE_FLOW: flow, _PROBE_BFLOAT16: lost})
    return Probe(int(seed), values[_PROBE_FLOW], float(values[_PROBE_BFLOAT16][0]))


def _storable(file: str, name: str, value: Array, dtype: str) -> Array:
    """The value, refused if it is too large for the dtype."""
    if dtype != "float32" and float(np.abs(value).max(initial=0)) > _LARGEST[dtype]:
        raise WeightsError(f"{file}: {name} holds values too large for {dtype}; write float32")
    return value
