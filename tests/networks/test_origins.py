# SPDX-License-Identifier: Apache-2.0
"""Every origin's rules on every network: the engine and the kernels against the definitions in float64."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from flownet2.executors import get_executor
from flownet2.executors.numpy import NumpyExecutor
from flownet2.graph import Graph
from flownet2.networks import MMFLOW, NVIDIA, NVIDIA_03, PTLFLOW, Conventions, build_network
from flownet2.types import Array

RULES = {rules.origin: rules for rules in (NVIDIA, NVIDIA_03, PTLFLOW)}
NETWORKS = ("flownets", "flownetc", "flownet2sd", "flownet2cs", "flownet2css", "flownet2")
WIDTH = 1 / 16


def made(graph: Graph) -> tuple[dict[str, Array], dict[str, Array]]:
    """Weights and inputs, for flow of some pixels."""
    rng = np.random.default_rng(5)
    parameters = {
        name: (rng.normal(size=shape) / max(1.0, np.sqrt(np.prod(shape[1:])))).astype(np.float32)
        for name, shape in graph.parameters.items()
    }
    inputs = {item.name: rng.normal(size=(1, 3, 64, 64)).astype(np.float32) / 4 for item in graph.inputs}
    return parameters, inputs


def definition(graph: Graph, parameters: dict[str, Array], inputs: dict[str, Array]) -> Array:
    wide = {name: value.astype(np.float64) for name, value in parameters.items()}
    values = {name: value.astype(np.float64) for name, value in inputs.items()}
    return NumpyExecutor(reference=True).compile(graph, wide).run(values, ["flow"])["flow"]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("origin", RULES)
def test_executors_agree_with_the_definitions(origin: str, network: str) -> None:
    graph = build_network(network, RULES[origin], WIDTH)
    parameters, inputs = made(graph)
    expected = definition(graph, parameters, inputs)
    length = float(np.abs(expected).max())
    for executor in ("native", "numpy"):
        flow = get_executor(executor).compile(graph, parameters).run(inputs, ["flow"])["flow"]
        assert np.abs(flow - expected).max() < 1e-5 * max(length, 20), executor


def changed(**rule: object) -> Conventions:
    return dataclasses.replace(MMFLOW, **rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("network", "rules"),
    [
        ("flownetc", changed(correlation="mean")),
        ("flownet2cs", changed(link_align_corners=True)),
        ("flownet2cs", changed(warp_padding="zeros")),
        ("flownet2cs", changed(warp_padding="zeros", warp_mask=True)),
        ("flownet2css", changed(css_output_mode="nearest")),
        ("flownet2cs", changed(output_mode="nearest")),
        ("flownet2", changed(fusion_link_mode="bilinear")),
        ("flownet2", changed(sd_factor=1 / 20)),
        ("flownet2sd", changed(sd_alone_factor=1 / 20)),
    ],
    ids=str,
)
def test_each_rule_changes_the_flow(network: str, rules: Conventions) -> None:
    plain, other = build_network(network, MMFLOW, WIDTH), build_network(network, rules, WIDTH)
    assert plain.parameters == other.parameters
    parameters, inputs = made(plain)
    flows = [get_executor().compile(graph, parameters).run(inputs, ["flow"])["flow"] for graph in (plain, other)]
    assert np.abs(flows[0] - flows[1]).max() > 1e-3
