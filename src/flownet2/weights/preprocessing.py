# SPDX-License-Identifier: Apache-2.0
"""The preprocessing record of an origin's conventions."""

from __future__ import annotations

from flownet2.graph import Graph
from flownet2.networks import Conventions
from flownet2.networks.blocks import QUARTER_FLOW
from flownet2.preprocess import Preprocess


def preprocess_of(rules: Conventions, graph: Graph) -> Preprocess:
    """The record of the rules; Caffe resizes the last decoder level itself, where the network ends with it."""
    quarter = rules.resampling == "lmb" and QUARTER_FLOW in graph.value_names()
    return Preprocess(
        channel_order=rules.channel_order,
        mean=rules.mean,
        mean_rule=rules.mean_rule,
        size_rule=rules.size_rule,
        resampling=rules.resampling,
        flow_value=QUARTER_FLOW if quarter else "flow",
        second_mean=rules.second_mean,
    )
