# SPDX-License-Identifier: Apache-2.0
"""A model: a graph, its weights, how it takes pictures, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flownet2.graph import Graph
from flownet2.preprocess import Preprocess
from flownet2.probe import Probe
from flownet2.types import FloatArray


@dataclass(frozen=True)
class Model:
    """Everything that a model file holds.

    Attributes:
        graph: the network.
        parameters: a float32 array for every parameter of the graph. Those of a model file are read from it at every
            access, without being kept (see `flownet2.weights.stored.StoredParameters` for what access may raise);
            `dict(model.parameters)` reads them all, and they do not need the file any more.
        preprocess: how pictures become the network's inputs.
        info: plain text facts: "origin", "license", "source", "source_sha256", ...
        stored: dtypes of the weights in the model file they come from, such as "bfloat16"; "" if there is none.
        probe: what the file expects of itself, None if it says nothing of it.
    """

    graph: Graph
    parameters: Mapping[str, FloatArray]
    preprocess: Preprocess
    info: Mapping[str, str] = field(default_factory=dict)
    stored: str = ""
    probe: Probe | None = None
