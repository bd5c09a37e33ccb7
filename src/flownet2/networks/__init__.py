# SPDX-License-Identifier: Apache-2.0
"""The networks by name; each is a function that builds a graph, at any width and for any origin's conventions."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from flownet2.errors import InputError
from flownet2.graph import Graph
from flownet2.networks.conventions import CAFFE, MMFLOW, NVIDIA, NVIDIA_03, NVIDIA_PX, PTLFLOW, Conventions
from flownet2.networks.flownet2 import flownet2, flownet2_sd, flownet_stack
from flownet2.networks.lite import flownet2_lite

__all__ = [
    "CAFFE",
    "MMFLOW",
    "NETWORKS",
    "NVIDIA",
    "NVIDIA_03",
    "NVIDIA_PX",
    "PTLFLOW",
    "Conventions",
    "Network",
    "build_network",
    "get_network",
]

THIN = 3 / 8
"""Share of the channels in the paper's thin networks (Ilg et al. 2017, section 3.2)."""


@dataclass(frozen=True)
class Network:
    """A row of the table.

    Attributes:
        name: what `load(..., network=)` and the model file call it.
        title: as the paper or mmflow writes it.
        width: default share of the channels.
        build: (name, conventions, width) -> graph.
    """

    name: str
    title: str
    width: float
    build: Callable[[str, Conventions, float], Graph]


def _stack(first: str, refinements: int) -> Callable[[str, Conventions, float], Graph]:
    return lambda name, rules, width: flownet_stack(name, first, refinements, rules, width)


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network("flownets", "FlowNetS", 1, _stack("s", 0)),
        Network("flownetc", "FlowNetC", 1, _stack("c", 0)),
        Network("flownet2sd", "FlowNet2-SD", 1, flownet2_sd),
        Network("flownet2cs", "FlowNet2-CS", 1, _stack("c", 1)),
        Network("flownet2css", "FlowNet2-CSS", 1, _stack("c", 2)),
        Network("flownet2css-sd", "FlowNet2-CSS-ft-sd", 1, _stack("c", 2)),
        Network("flownet2", "FlowNet2", 1, flownet2),
        Network("flownet2s-thin", "FlowNet2-s", THIN, _stack("s", 0)),
        Network("flownet2ss-thin", "FlowNet2-ss", THIN, _stack("s", 1)),
        Network("flownet2sss-thin", "FlowNet2-sss", THIN, _stack("s", 2)),
        Network("flownet2c-thin", "FlowNet2-c", THIN, _stack("c", 0)),
        Network("flownet2cs-thin", "FlowNet2-cs", THIN, _stack("c", 1)),
        Network("flownet2css-thin", "FlowNet2-css", THIN, _stack("c", 2)),
        Network("flownet2css-sd-thin", "FlowNet2-css-ft-sd", THIN, _stack("c", 2)),
        Network("flownet2-lite", "FlowNet2-lite", 1, lambda name, _rules, _width: flownet2_lite(name)),
    )
}


def get_network(name: str) -> Network:
    """The row of that name.

    Raises:
        InputError: no such network; the message offers near names and lists all.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    near = difflib.get_close_matches(name.lower(), NETWORKS, n=2)
    hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
    raise InputError(f"there is no network {name!r}{hint}; known: {', '.join(NETWORKS)}")


def build_network(name: str, conventions: Conventions = MMFLOW, width: float | None = None) -> Graph:
    """Graph of a network.

    Args:
        name: one of NETWORKS.
        conventions: arithmetic of the weights' origin.
        width: share of the channels; None for the network's own.

    Raises:
        InputError: unknown name or a width that is not positive.
    """
    network = get_network(name)
    chosen = network.width if width is None else width
    if not 0 < chosen <= 8:
        raise InputError(f"width must be above 0 and at most 8 times the published channels, got {width}")
    return network.build(name, conventions, chosen)
