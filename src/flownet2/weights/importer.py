# SPDX-License-Identifier: Apache-2.0
"""Foreign checkpoints -> models: origin and network are recognised by the tensors' names."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.errors import InputError, WeightsError
from flownet2.graph import Graph
from flownet2.networks import MMFLOW, NETWORKS, Conventions, build_network, get_network
from flownet2.preprocess import Preprocess
from flownet2.types import Array, PathLike
from flownet2.weights import caffe, mmflow
from flownet2.weights.model import Model
from flownet2.weights.table import fit

_WRAPPERS = ("module.", "model.")
_HASH_BLOCK = 1 << 20


@dataclass(frozen=True)
class Origin:
    """A source of weights.

    Attributes:
        name: goes into the model's facts.
        networks: those that this origin has, most wanted first where the tensors of two are the same.
        names: graph -> {the origin's tensor name: ours}.
        conventions: its arithmetic.
        license: of the published weights, "" where a file of this kind says nothing of it.
    """

    name: str
    networks: tuple[str, ...]
    names: Callable[[Graph], dict[str, str]]
    conventions: Conventions
    license: str


ORIGINS = (
    Origin("mmflow", tuple(mmflow.SUBNETWORKS), mmflow.names, MMFLOW, "Apache-2.0 (OpenMMLab)"),
    Origin("flownet2", tuple(NETWORKS), lambda graph: {name: name for name in graph.parameters}, MMFLOW, ""),
)
"""In order of preference; the second is a file that already uses our names."""


def import_checkpoint(path: PathLike, content: Mapping[Any, Any], network: str | None = None) -> Model:
    """The model of a checkpoint that `read_checkpoint` read.

    Args:
        path: the checkpoint's file, for messages and the model's facts.
        content: what it holds: a state dict, or a dict with one under "state_dict".
        network: name of the network, None to recognise it.

    Raises:
        WeightsError: no network fits, or tensors are missing, unexpected or misshapen.
        InputError: no network of that name.
    """
    name = os.fspath(path)
    tensors = _state_dict(name, content)
    if caffe.is_caffe(tensors):
        model = caffe.import_caffe(name, tensors, network)
        source = {"source": Path(name).name, "source_sha256": file_sha256(path)}
        return dataclasses.replace(model, info={**model.info, **source})
    origin, graph, names = _recognise(name, tensors, network)
    renamed = {names.get(theirs, theirs): value for theirs, value in tensors.items()}
    parameters = fit(name, graph.name, graph.parameters, renamed)
    rules = origin.conventions
    info = {
        "origin": origin.name,
        "title": NETWORKS[graph.name].title,
        "source": Path(name).name,
        "source_sha256": file_sha256(path),
    }
    if origin.license:
        info["license"] = origin.license
    return Model(graph, parameters, Preprocess(rules.channel_order, rules.mean), info)


def file_sha256(path: PathLike) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(_HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _state_dict(name: str, content: Mapping[Any, Any]) -> dict[str, Array]:
    """The tensors, without the wrappers' prefixes of training frameworks."""
    inner = content.get("state_dict", content)
    if not isinstance(inner, Mapping):
        raise WeightsError(f"{name}: its 'state_dict' is {type(inner).__name__}, expected a dict of tensors")
    tensors = {key: value for key, value in inner.items() if isinstance(key, str) and isinstance(value, np.ndarray)}
    if not tensors:
        keys = ", ".join(map(repr, list(content)[:8]))
        raise WeightsError(f"{name}: holds no tensors by name; its top-level keys are {keys or 'none'}")
    for wrapper in _WRAPPERS:
        if all(key.startswith(wrapper) for key in tensors):
            tensors = {key[len(wrapper) :]: value for key, value in tensors.items()}
    return tensors


def _recognise(source: str, tensors: Mapping[str, Array], network: str | None) -> tuple[Origin, Graph, dict[str, str]]:
    """The origin and network whose names and shapes agree best with the tensors."""
    if network is not None:
        get_network(network)
    best: tuple[float, Origin, Graph, dict[str, str]] | None = None
    for origin in ORIGINS:
        for candidate in origin.networks if network is None else {network}.intersection(origin.networks):
            graph = build_network(candidate, origin.conventions)
            names = origin.names(graph)
            score = _agreement(names, graph, tensors)
            if best is None or score > best[0]:
                best = (score, origin, graph, names)
    if best is None:
        raise InputError(f"no known origin has weights for the network {network!r}")
    if best[0] < 1 / 2 and network is None:
        raise WeightsError(
            f"{source}: its {len(tensors)} tensors are not those of a known network "
            f"(first names: {', '.join(list(tensors)[:4])}); known: {', '.join(NETWORKS)}. "
            "If it is one of them all the same, name it with network= or --network to see what differs"
        )
    return best[1:]


def _agreement(names: Mapping[str, str], graph: Graph, tensors: Mapping[str, Array]) -> float:
    """Share of tensors with the right name and shape, among all that the file or the network has."""
    right = sum(theirs in tensors and tensors[theirs].shape == graph.parameters[ours] for theirs, ours in names.items())
    return right / len(names.keys() | tensors.keys())
