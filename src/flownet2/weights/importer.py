# SPDX-License-Identifier: Apache-2.0
"""Foreign checkpoints -> models: origin and network are recognised by the tensors' names."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flownet2.errors import InputError, WeightsError
from flownet2.graph import Graph
from flownet2.networks import NETWORKS, build_network, get_network
from flownet2.probe import MOTION_PX, median_speed, probe_flow
from flownet2.types import Array, PathLike
from flownet2.weights import caffe
from flownet2.weights.model import Model
from flownet2.weights.origins import ORIGINS, Origin, get_origin
from flownet2.weights.preprocessing import preprocess_of
from flownet2.weights.source import shown_name
from flownet2.weights.table import agreement, fit

_WRAPPERS = ("module.", "model.")
_HASH_BLOCK = 1 << 20
_FAR_TOO_LONG = 20
"""Times the true length. Flow that is off by FLOW_DIVISOR squared is 400 times too long, and right flow is not."""

_Fit = tuple[float, Origin, Graph, dict[str, str]]
"""Score of the agreement, origin, graph, names."""


def import_checkpoint(
    path: PathLike, content: Mapping[Any, Any], network: str | None = None, origin: str | None = None
) -> Model:
    """The model of a checkpoint that `read_checkpoint` read.

    Args:
        path: the checkpoint's file, for messages and the model's facts.
        content: what it holds: a state dict, or a dict with one under "state_dict".
        network: name of the network, None to recognise it.
        origin: name of a row of `flownet2.weights.origins.ORIGINS`, None to recognise it.

    Raises:
        WeightsError: no network fits, tensors are missing, unexpected or misshapen, or two origins fit.
        InputError: no network or origin of that name.
    """
    name = shown_name(path)
    tensors = _state_dict(name, content)
    if caffe.is_caffe(tensors):
        return _from_caffe(path, tensors, network, origin)
    if origin == caffe.ORIGIN:
        raise InputError(f"{name} is no model of Caffe: its tensors are not named LAYER/INDEX; leave origin out")
    chosen, graph, names = _recognise(name, content, tensors, network, origin)
    renamed = {names.get(theirs, theirs): value for theirs, value in tensors.items()}
    parameters = fit(name, graph.name, graph.parameters, renamed)
    model = Model(graph, parameters, preprocess_of(chosen.conventions, graph), {})
    note = ""
    if origin is None:
        chosen, model, note = _in_pixels(chosen, model)
    info = {
        "origin": chosen.name,
        "title": NETWORKS[graph.name].title,
        "source": Path(path).name,
        "source_sha256": file_sha256(path),
        "license": chosen.license,
        "verified": "" if chosen.verified else "false",
        "note": note,
    }
    return dataclasses.replace(model, info={key: text for key, text in info.items() if text})


def _from_caffe(path: PathLike, tensors: Mapping[str, Array], network: str | None, origin: str | None) -> Model:
    if origin not in (None, caffe.ORIGIN):
        raise InputError(
            f"{shown_name(path)} is a model of Caffe; its origin is {caffe.ORIGIN}, not {origin}; leave origin out"
        )
    model = caffe.import_caffe(shown_name(path), tensors, network)
    facts = {"source": Path(path).name, "source_sha256": file_sha256(path)}
    return dataclasses.replace(model, info={**model.info, **facts})


def _in_pixels(origin: Origin, model: Model) -> tuple[Origin, Model, str]:
    """The origin, or that of `when_too_long` where the flow of a known pair tells so; the model; a note of it."""
    if not origin.when_too_long:
        return origin, model, ""
    other = get_origin(origin.when_too_long)
    graph = build_network(model.graph.name, other.conventions)
    if graph == model.graph:
        return origin, model, ""
    speed = median_speed(probe_flow(model))
    if not speed > _FAR_TOO_LONG * MOTION_PX:  # nor where it is no number
        return origin, model, ""
    note = (
        f"taken as origin {other.name}: by the rules of {origin.name} the flow of a pair that moves by "
        f"{MOTION_PX:.1f} px is {speed:.0f} px long; --origin {origin.name} keeps them"
    )
    return other, dataclasses.replace(model, graph=graph, preprocess=preprocess_of(other.conventions, graph)), note


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


def _recognise(
    source: str, content: Mapping[Any, Any], tensors: Mapping[str, Array], network: str | None, origin: str | None
) -> tuple[Origin, Graph, dict[str, str]]:
    """The origin and network whose names and shapes agree best with the tensors."""
    if network is not None:
        get_network(network)
    origins = [get_origin(origin)] if origin is not None else [row for row in ORIGINS.values() if not row.by_name]
    fits = [fit for fit in (_best_fit(row, tensors, network) for row in origins) if fit is not None]
    if not fits:
        known = f"the origin {origin!r} has no" if origin else "no known origin has"
        raise InputError(f"{known} weights for the network {network!r}")
    best = max(score for score, *_ in fits)
    if best < 1 / 2 and network is None:
        raise WeightsError(
            f"{source}: its {len(tensors)} tensors are not those of a known network "
            f"(first names: {', '.join(list(tensors)[:4])}); known: {', '.join(NETWORKS)}. "
            "If it is one of them all the same, name it with network= or --network to see what differs"
        )
    return _chosen(source, content, [fit for fit in fits if fit[0] == best])[1:]


def _best_fit(origin: Origin, tensors: Mapping[str, Array], network: str | None) -> _Fit | None:
    """The network of one origin that agrees best, the first of those that agree alike."""
    best: _Fit | None = None
    for candidate in origin.networks if network is None else {network}.intersection(origin.networks):
        graph = build_network(candidate, origin.conventions)
        names = origin.names(graph)
        score = agreement(names, graph.parameters, tensors)
        if best is None or score > best[0]:
            best = (score, origin, graph, names)
    return best


def _chosen(source: str, content: Mapping[Any, Any], fits: list[_Fit]) -> _Fit:
    """Of origins that agree alike, the one that the file's container tells."""
    if len(fits) == 1 or fits[0][0] == 0:
        return fits[0]
    claimed = [fit for fit in fits if fit[1].claims(content)]
    if len(claimed) != 1:
        raise WeightsError(
            f"{source}: its tensors fit the origins {' and '.join(fit[1].name for fit in fits)} alike, which compute "
            "differently with them; name one with origin= or --origin"
        )
    return claimed[0]
