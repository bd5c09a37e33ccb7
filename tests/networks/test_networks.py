# SPDX-License-Identifier: Apache-2.0
"""The table of networks: sizes as published, widths, conventions as data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cases.narrow import weights
from flownet2.errors import InputError
from flownet2.executors import get_executor
from flownet2.graph import infer_shapes
from flownet2.networks import MMFLOW, NETWORKS, build_network

PUBLISHED_PARAMETERS = {
    "flownets": 38_676_506,
    "flownetc": 39_175_298,
    "flownet2sd": 45_371_666,
    "flownet2cs": 77_870_620,
    "flownet2css": 116_565_942,
    "flownet2css-sd": 116_565_942,
    "flownet2": 162_518_834,
    "flownet2-lite": 1_210_968,
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED_PARAMETERS.items())
def test_parameter_counts(name: str, count: int) -> None:
    assert build_network(name).parameter_count == count


def test_thin_network_with_caffes_biases() -> None:
    """FlowNet2-s has 5,462,674 parameters in the authors' prototxt, all flow upsampling biases included."""
    rules = dataclasses.replace(MMFLOW, s_flow_bias=True)
    assert build_network("flownet2s-thin", rules).parameter_count == 5_462_674


def test_thin_layers() -> None:
    parameters = build_network("flownet2ss-thin").parameters
    assert parameters["flownets.conv1.weight"] == (24, 6, 7, 7)
    assert parameters["flownets1.conv1.weight"] == (24, 12, 7, 7)
    assert parameters["flownets1.conv6_1.weight"] == (384, 384, 3, 3)
    assert [parameters[f"flownets.predict_flow{level}.weight"][1] for level in (5, 4, 3, 2)] == [
        386,
        290,
        146,
        74,
    ]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(64, 64), (64, 192)])
def test_flow_has_the_size_of_the_input(name: str, size: tuple[int, int]) -> None:
    graph = build_network(name)
    shapes = infer_shapes(graph, {item.name: (3, item.channels, *size) for item in graph.inputs})
    assert shapes[graph.outputs["flow"]] == (3, 2, *size)


@pytest.mark.parametrize("name", ["flownet2s-thin", "flownet2ss-thin", "flownet2css-thin", "flownet2"])
def test_narrow_networks_run_alike_on_both_executors(name: str) -> None:
    """Every structure at a small width: the kernels and BLAS forms against the definitions."""
    graph = build_network(name, width=1 / 8)
    parameters = weights(graph, np.random.default_rng(5))
    rng = np.random.default_rng(6)
    inputs = {item.name: rng.random((2, 3, 64, 128), np.float32) for item in graph.inputs}
    flows = [get_executor(e).compile(graph, parameters).run(inputs, ["flow"])["flow"] for e in ("numpy", "reference")]
    assert np.abs(flows[0]).max() > 1e-3
    np.testing.assert_allclose(flows[0], flows[1], atol=1e-4 * np.abs(flows[1]).max())


@pytest.mark.parametrize(
    "change",
    [
        {"correlation": "mean"},
        {"warp_padding": "zeros"},
        {"warp_padding": "cut"},
        {"link_align_corners": True},
        {"sd_factor": 0.05},
        {"s_flow_bias": True},
    ],
)
def test_every_convention_reaches_the_graph(change: dict[str, object]) -> None:
    assert build_network("flownet2", dataclasses.replace(MMFLOW, **change)) != build_network("flownet2")


def test_conventions_of_single_networks() -> None:
    assert build_network("flownet2sd", dataclasses.replace(MMFLOW, sd_alone_factor=0.05)) != build_network("flownet2sd")
    assert build_network("flownets", dataclasses.replace(MMFLOW, output_mode="nearest")) != build_network("flownets")


def test_unknown_names_and_widths() -> None:
    with pytest.raises(InputError, match=r"no network 'FlowNet2cs'.*did you mean 'flownet2cs'"):
        build_network("FlowNet2cs")
    for width in (0, -1, 9, float("nan")):
        with pytest.raises(InputError, match="width must be"):
            build_network("flownets", width=width)
