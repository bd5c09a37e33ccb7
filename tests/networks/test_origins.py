# SPDX-License-Identifier: Apache-2.0
"""Every origin's rules on every network: the engine and the kernels against the definitions in float64."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cases.narrow import graph_of, narrow, pair, weights
from flownet2.executors import get_executor
from flownet2.networks import MMFLOW, Conventions
from flownet2.weights.origins import ORIGINS

ROWS = [(origin.name, network) for origin in ORIGINS.values() for network in origin.networks]


@pytest.mark.parametrize(("origin", "network"), ROWS)
def test_executors_agree_with_the_definitions(origin: str, network: str) -> None:
    case = narrow(network, ORIGINS[origin].conventions)
    for executor in ("native", "numpy"):
        assert np.abs(case.run(executor) - case.flow).max() < case.allowed, executor


def changed(**rule: object) -> Conventions:
    return dataclasses.replace(MMFLOW, **rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("network", "rules"),
    [
        ("flownetc", changed(correlation="mean")),
        ("flownet2cs", changed(link_align_corners=True)),
        ("flownet2cs", changed(warp_padding="cut")),
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
    plain, other = graph_of(network, MMFLOW), graph_of(network, rules)
    assert plain.parameters == other.parameters
    rng = np.random.default_rng(5)
    parameters, inputs = weights(plain, rng), pair(plain, rng)
    flows = [get_executor().compile(graph, parameters).run(inputs, ["flow"])["flow"] for graph in (plain, other)]
    assert np.abs(flows[0] - flows[1]).max() > 1e-3
