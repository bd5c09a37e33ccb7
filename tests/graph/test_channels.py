# SPDX-License-Identifier: Apache-2.0
"""Graphs at other widths, layer by layer."""

from __future__ import annotations

import pytest

from flownet2.errors import GraphError, InputError
from flownet2.graph import Graph, with_channels
from flownet2.networks import NETWORKS, build_network


def widths(graph: Graph) -> dict[str, int]:
    """Layer -> channels that it gives; every weight has a bias or is of two channels of flow."""
    return {
        name.removesuffix(".weight"): graph.parameters.get(name.replace(".weight", ".bias"), (2,))[0]
        for name in graph.parameters
        if name.endswith(".weight")
    }


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flownet2-lite"])
def test_other_widths_are_the_builders(name: str) -> None:
    graph, narrow = build_network(name), build_network(name, width=1 / 8)
    assert with_channels(graph, widths(narrow)) == narrow
    assert with_channels(narrow, widths(graph)) == graph


def test_one_layer_changes_what_reads_it_alone() -> None:
    graph = build_network("flownetc")
    made = with_channels(graph, {"flownetc.conv_redir": 12})
    changed = {name for name, shape in made.parameters.items() if shape != graph.parameters[name]}
    assert changed == {"flownetc.conv_redir.weight", "flownetc.conv_redir.bias", "flownetc.conv3_1.weight"}
    assert made.parameters["flownetc.conv3_1.weight"] == (256, 12 + 441, 3, 3)


def test_what_does_not_fit() -> None:
    with pytest.raises((GraphError, InputError)):
        with_channels(build_network("flownets"), {"flownets.conv1": 0})
    with pytest.raises((GraphError, InputError), match="warp: flow must be"):
        with_channels(build_network("flownet2cs"), {"flownetc.predict_flow2": 3})
