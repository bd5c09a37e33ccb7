# SPDX-License-Identifier: Apache-2.0
"""The authors' own Caffe models: names of their layers, widths and means out of the file.

Source: the deploy files of FlowNet2, FlowNet2-S and FlowNet2-ss; their names are the rows below. Of the other networks
the weights alone are published: their graphs follow from these, and their models say `verified: false`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from flownet2.errors import InputError, WeightsError
from flownet2.graph import Graph, with_channels
from flownet2.networks import CAFFE, NETWORKS, build_network
from flownet2.types import Array
from flownet2.weights.model import Model
from flownet2.weights.preprocessing import preprocess_of
from flownet2.weights.table import agreement, fit

Mean = tuple[float, float, float]

ORIGIN = CAFFE.origin
LICENSE = "research only (LMB, University of Freiburg); any commercial use needs their consent"

_PREFIXES = {
    "flownets": "",
    "flownetc": "",
    "flownets1": "net2_",
    "flownets2": "net3_",
    "flownetsd": "netsd_",
    "fusion": "fuse_",
}
"""Our sub-network -> what begins the names of its layers."""

_ALONE = {"flownet2sd": ""}
"""Networks of one sub-network, which then has another prefix."""

FULL = ("flownet2", "flownetc", "flownet2cs", "flownet2css", "flownet2css-sd", "flownets", "flownet2sd")
THIN = tuple(f"flownet2{stack}-thin" for stack in ("s", "ss", "sss", "c", "cs", "css", "css-sd"))
"""Networks that are published; the widths of thin ones are those of the file's tensors."""

VERIFIED = frozenset({"flownets", "flownet2ss-thin", "flownet2"})
"""Held against outputs of the published deploy files (tests/networks/test_caffe_parity.py)."""

_MEANS = ("img0s_aug", "img1s_aug")
_CHANNEL_MEAN = 2  # blob of these layers; 0 counts iterations, 1 is a mean for each pixel
_BESIDE = re.compile(r"(img\d+s?_aug|flow_gt_aug|scale_conv1)/")
"""Layers whose blobs are no weights: augmentation, and the scaling by the pictures' size."""

_BLOB = re.compile(r"[^/]+/\d+")
_FLOW = re.compile(r"predict_flow|upsample_flow")


def is_caffe(tensors: Mapping[str, Array]) -> bool:
    """Whether the tensors are named as `read_checkpoint` names the blobs of a Caffe model."""
    return bool(tensors) and all(_BLOB.fullmatch(name) for name in tensors)


def import_caffe(source: str, tensors: Mapping[str, Array], network: str | None = None) -> Model:
    """The model of a Caffe file's blobs.

    Args:
        source: the file, for messages.
        tensors: "LAYER/INDEX" -> blob.
        network: name of the network, None to recognise it.

    Raises:
        WeightsError: no network fits, or tensors are missing, unexpected or misshapen.
        InputError: no Caffe network of that name.
    """
    weights = {name: _flat_bias(name, value) for name, value in tensors.items() if not _BESIDE.match(name)}
    if network is not None and network not in FULL + THIN:
        raise InputError(f"Caffe has no weights for the network {network!r}; known: {', '.join(FULL + THIN)}")
    graphs = [caffe_graph(name, weights) for name in (FULL + THIN if network is None else (network,))]
    graph = max(graphs, key=lambda candidate: _agreement(candidate, weights))
    if network is None and _agreement(graph, weights) < 1 / 2:
        raise WeightsError(
            f"{source}: its {len(weights)} blobs are not those of a known Caffe network (first names: "
            f"{', '.join(list(weights)[:4]) or 'none'}); known: {', '.join(FULL + THIN)}. "
            "If it is one of them all the same, name it with network= or --network to see what differs"
        )
    rows = names(graph, weights)
    parameters = fit(source, graph.name, graph.parameters, {rows.get(key, key): weights[key] for key in weights})
    first, second = means(source, tensors)
    rules = dataclasses.replace(CAFFE, mean=first, second_mean=second)
    info = {
        "origin": ORIGIN,
        "title": NETWORKS[graph.name].title,
        "license": LICENSE,
    }
    verified = {} if graph.name in VERIFIED else {"verified": "false"}
    return Model(graph, parameters, preprocess_of(rules, graph), info | verified)


def caffe_graph(network: str, weights: Mapping[str, Array]) -> Graph:
    """The network's graph; if it is a thin one, as wide as the weights, layer by layer."""
    graph = build_network(network, CAFFE)
    if network in FULL:
        return graph
    widths = {}
    for theirs, ours in names(graph, weights).items():
        layer, _, role = ours.rpartition(".")
        shape = weights[theirs].shape if theirs in weights else ()
        if role == "weight" and len(shape) == 4 and min(shape) > 0 and not _FLOW.search(layer):
            widths[layer] = shape[1] if ".deconv" in layer else shape[0]
    return with_channels(graph, widths)


def names(graph: Graph, weights: Mapping[str, Array]) -> dict[str, str]:
    """Blob -> our parameter, for every parameter; of several spellings the one that the file has, else the first."""
    rows = {}
    for ours in graph.parameters:
        part, layer, role = ours.split(".")
        prefix = _ALONE.get(graph.name, _PREFIXES[part])
        blobs = [f"{prefix}{text}/{('weight', 'bias').index(role)}" for text in _spellings(prefix, layer)]
        rows[next((blob for blob in blobs if blob in weights), blobs[0])] = ours
    return rows


def means(source: str, tensors: Mapping[str, Array]) -> tuple[Mean, Mean]:
    """What is subtracted from picture 1 and from picture 2 after the division by 255: blue, green, red.

    Raises:
        WeightsError: the file does not hold it.
    """
    found = []
    for layer in _MEANS:
        value = tensors.get(f"{layer}/{_CHANNEL_MEAN}")
        if value is None or value.size != 3 or value.dtype.kind != "f" or not (np.abs(value) <= 1).all():
            what = "is missing" if value is None else f"is not three numbers in 0..1 but has the shape {value.shape}"
            raise WeightsError(
                f"{source}: the mean of the pictures, blob {_CHANNEL_MEAN} of the layer {layer!r}, {what}; "
                "is this a trained model, as it was published?"
            )
        blue, green, red = (float(number) for number in value.reshape(-1))
        found.append((blue, green, red))
    return found[0], found[1]


def _spellings(prefix: str, layer: str) -> tuple[str, ...]:
    """How the layer is called, behind the prefix of its sub-network."""
    level = int(layer[-1]) if layer[-1].isdigit() else 0
    if layer.startswith("predict_flow"):  # numbered from the coarsest level on, or by level
        return f"Convolution{7 - level}", f"predict_conv{level}", f"_Convolution{7 - level}"
    if layer.startswith("inter_conv"):
        return (f"interconv{level}",)
    if layer.startswith("upsample_flow"):  # stacked networks have the prefix twice
        return layer, f"{prefix}{layer}"
    return (layer,)


def _agreement(graph: Graph, weights: Mapping[str, Array]) -> float:
    return agreement(names(graph, weights), graph.parameters, weights)


def _flat_bias(name: str, value: Array) -> Array:
    """Files of old Caffe versions have every blob with four axes."""
    old = name.endswith("/1") and value.ndim == 4 and value.shape[:3] == (1, 1, 1)
    return value.reshape(-1) if old else value
