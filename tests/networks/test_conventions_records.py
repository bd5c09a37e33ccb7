# SPDX-License-Identifier: Apache-2.0
"""Every field of every origin's record, where it arrives: in the graphs and in the preprocess record."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from flownet2.graph import Graph
from flownet2.networks import CAFFE, MMFLOW, NVIDIA, NVIDIA_03, NVIDIA_PX, PTLFLOW, Conventions, build_network
from flownet2.preprocess import Preprocess
from flownet2.weights.preprocessing import preprocess_of


class Rules(NamedTuple):
    """A column of the table in docs/conventions.md."""

    channel_order: str
    mean_rule: str
    size_rule: str
    resampling: str
    correlation: str
    warp: tuple[str, bool]
    link_align_corners: bool
    fusion_link_mode: str
    output_mode: str
    css_output_mode: str
    sd_factor: float
    sd_alone_factor: float
    s_flow_bias: bool


_CORNERS, _NO_CORNERS = True, False
_BORDER = ("border", False)
_NVIDIA = ("rgb", "pair", "crop", "opencv", "mean", _BORDER)
_NEAREST_CSS = ("nearest", "bilinear", "nearest")
_BILINEAR_CSS = ("nearest", "bilinear", "bilinear")

TABLE: list[tuple[Conventions, Rules]] = [
    (MMFLOW, Rules("bgr", "given", "resize", "opencv", "sum", _BORDER, _NO_CORNERS, *_BILINEAR_CSS, 20, 20, False)),
    (NVIDIA, Rules(*_NVIDIA, _NO_CORNERS, *_NEAREST_CSS, 1 / 20, 20, False)),
    (NVIDIA_03, Rules(*_NVIDIA, _CORNERS, *_NEAREST_CSS, 1 / 20, 20, False)),
    (NVIDIA_PX, Rules(*_NVIDIA, _NO_CORNERS, *_NEAREST_CSS, 1 / 20, 1 / 20, False)),
    (
        PTLFLOW,
        Rules(
            *("rgb", "picture", "resize", "corners", "mean", ("zeros", True), _NO_CORNERS),
            *("bilinear", "bilinear", "bilinear", 1 / 8000, 1 / 20, False),
        ),
    ),
    (
        CAFFE,
        Rules(
            *("bgr", "given", "resize", "lmb", "mean", ("cut", False), _CORNERS),
            *(*_BILINEAR_CSS, 1 / 20, 1 / 20, True),
        ),
    ),
]
RECORDS = pytest.mark.parametrize(("record", "rules"), TABLE, ids=[record.origin for record, _ in TABLE])


def attributes(graph: Graph, op: str) -> dict[str, object]:
    """Node -> attributes, of one operator."""
    return {node.name: node.attributes for node in graph.nodes if node.op == op}


def factor(graph: Graph, name: str) -> float:
    return next(node.attributes.factor for node in graph.nodes if node.name == name)


def only(values: set[object]) -> object:
    (value,) = values
    return value


@RECORDS
def test_all_of_flownet2(record: Conventions, rules: Rules) -> None:
    graph = build_network("flownet2", record)
    warps = attributes(graph, "warp").values()
    assert len(warps) == 4
    assert only({(warp.padding, warp.mask) for warp in warps}) == rules.warp
    assert only({node.reduction for node in attributes(graph, "correlation").values()}) == rules.correlation
    resizes = attributes(graph, "resize")
    links = {(resizes[name].mode, resizes[name].align_corners) for name in ("flownets1.flow", "flownets2.flow")}
    assert only(links) == ("bilinear", rules.link_align_corners)
    fused = {(resizes[name].mode, resizes[name].align_corners) for name in ("fusion.sd_flow", "fusion.css_flow")}
    assert only(fused) == (rules.fusion_link_mode, False)
    assert factor(graph, "fusion.sd_quarter") == pytest.approx(rules.sd_factor, rel=1e-12)
    assert factor(graph, "fusion.css_quarter") == 20
    assert {factor(graph, f"flownets{index}.flow_px") for index in (1, 2)} == {20}


@RECORDS
def test_the_last_flow(record: Conventions, rules: Rules) -> None:
    modes = {
        **dict.fromkeys(("flownets", "flownetc", "flownet2sd", "flownet2cs", "flownet2ss-thin"), rules.output_mode),
        **dict.fromkeys(("flownet2css", "flownet2css-sd", "flownet2sss-thin"), rules.css_output_mode),
    }
    for network, mode in modes.items():
        graph = build_network(network, record)
        assert attributes(graph, "resize")["flow"].mode == mode, network
        expected = rules.sd_alone_factor if network == "flownet2sd" else 20
        assert factor(graph, "flow_quarter") == pytest.approx(expected, rel=1e-12), network


@RECORDS
def test_which_networks_upsample_flow_with_a_bias(record: Conventions, rules: Rules) -> None:
    """Of every level; FlowNetC, FlowNetSD and the fusion always do."""
    for network in ("flownets", "flownet2"):
        parameters = build_network(network, record).parameters
        layers = [name.removesuffix(".weight") for name in parameters if ".upsample_flow" in name and "weight" in name]
        assert len(layers) == (4 if network == "flownets" else 18)
        for layer in layers:
            always = not layer.startswith("flownets.") and layer.split(".")[0] not in ("flownets1", "flownets2")
            assert (f"{layer}.bias" in parameters) == (always or rules.s_flow_bias), layer


@RECORDS
def test_what_pictures_become(record: Conventions, rules: Rules) -> None:
    for network in ("flownets", "flownet2"):
        quarter = rules.resampling == "lmb" and network != "flownet2"
        assert preprocess_of(record, build_network(network, record)) == Preprocess(
            channel_order=rules.channel_order,
            mean_rule=rules.mean_rule,
            size_rule=rules.size_rule,
            resampling=rules.resampling,
            flow_value="flow_quarter" if quarter else "flow",
        )
