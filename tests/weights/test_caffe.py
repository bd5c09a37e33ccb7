# SPDX-License-Identifier: Apache-2.0
"""Caffe's networks: every published name, widths out of the file, recognition, means, one error for all faults."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cases import caffe as made
from flownet2.errors import InputError, WeightsError
from flownet2.graph import Graph
from flownet2.networks import CAFFE, build_network
from flownet2.ops import attributes as at
from flownet2.types import Array
from flownet2.weights import caffe, import_checkpoint, load_model
from flownet2.weights.caffe import FULL, THIN

SOURCE = Path(__file__)
ZERO = np.float32(0)
MEANS = {
    "img0s_aug/2": np.float32([0.25, 0.5, 0.75]).reshape(1, 3, 1, 1),
    "img1s_aug/2": np.float32([0.5, 0.25, 0.125]),
}


def zeros(network: str) -> dict[str, Array]:
    """Published names and shapes; the values take no memory."""
    return made.blobs(made.layers(network, values=False))


def named(network: str, graph: Graph | None = None) -> dict[str, Array]:
    """Blobs of a network of which no deploy file is published, under the first spelling of every name, and means."""
    graph = graph or build_network(network, CAFFE)
    rows = caffe.names(graph, {})
    return {blob: np.broadcast_to(ZERO, graph.parameters[ours]) for blob, ours in rows.items()} | MEANS


@pytest.mark.parametrize("network", made.NETWORKS)
def test_names_and_shapes_are_those_of_the_deploy_files(network: str) -> None:
    blobs = zeros(network)
    weights = {name: value for name, value in blobs.items() if "_aug/" not in name}
    graph = build_network(network, CAFFE)
    names = caffe.names(graph, weights)
    assert len(set(names.values())) == len(graph.parameters)
    shapes = {blob: graph.parameters[ours] for blob, ours in names.items()}
    assert shapes == {name: value.shape for name, value in weights.items()}


@pytest.mark.parametrize("network", made.NETWORKS)
def test_published_files_are_recognised(network: str) -> None:
    model = import_checkpoint(SOURCE, zeros(network))
    assert model.graph == build_network(network, CAFFE)
    assert model.info["origin"] == "caffe"
    assert "verified" not in model.info
    assert model.info["source"] == SOURCE.name
    assert len(model.info["source_sha256"]) == 64


@pytest.mark.parametrize("network", [name for name in FULL + THIN if not name.startswith("flownet2css-sd")])
def test_every_network_is_recognised(network: str) -> None:
    model = import_checkpoint(SOURCE, named(network))
    assert model.graph == build_network(network, CAFFE)
    assert model.info.get("verified") == (None if network in made.NETWORKS else "false")


@pytest.mark.parametrize(
    ("network", "alike"), [("flownet2css-sd", "flownet2css"), ("flownet2css-sd-thin", "flownet2css-thin")]
)
def test_a_label_that_the_blobs_cannot_tell(network: str, alike: str) -> None:
    assert import_checkpoint(SOURCE, named(network)).graph.name == alike
    assert import_checkpoint(SOURCE, named(network), network).graph.name == network


def test_widths_come_from_the_file() -> None:
    """conv_redir of the thin FlowNetC is 12 or 32 wide, no file says so but the weights; any other width goes too."""
    for redir in (12, 32):
        blobs = named("flownet2cs-thin")
        blobs["conv_redir/0"] = np.broadcast_to(ZERO, (redir, 96, 1, 1))
        blobs["conv_redir/1"] = np.broadcast_to(ZERO, redir)
        blobs["conv3_1/0"] = np.broadcast_to(ZERO, (96, redir + 441, 3, 3))
        model = import_checkpoint(SOURCE, blobs)
        assert model.graph.name == "flownet2cs-thin"
        assert model.graph.parameters["flownetc.conv_redir.weight"] == (redir, 96, 1, 1)
        assert model.graph.parameters["flownetc.conv3_1.weight"] == (96, redir + 441, 3, 3)
    half = build_network("flownet2ss-thin", CAFFE, width=1 / 2)
    assert import_checkpoint(SOURCE, named("flownet2ss-thin", half)).graph == half


def test_widths_that_contradict_each_other_are_told() -> None:
    blobs = named("flownet2s-thin")
    blobs["conv2/0"] = np.broadcast_to(ZERO, (50, 24, 5, 5))
    with pytest.raises(WeightsError, match=r"flownets\.conv3\.weight: expected \(96, 50, 5, 5\), got \(96, 48, 5, 5\)"):
        import_checkpoint(SOURCE, blobs)


def test_flow_has_two_channels_whatever_the_file_says() -> None:
    blobs = named("flownet2s-thin")
    blobs["Convolution5/0"] = np.broadcast_to(ZERO, (3, 74, 3, 3))
    with pytest.raises(WeightsError, match=r"predict_flow2\.weight: expected \(2, 74, 3, 3\), got \(3, 74, 3, 3\)"):
        import_checkpoint(SOURCE, blobs)


@pytest.mark.parametrize("shape", [(0, 6, 7, 7), (200, 6, 7, 7), (24,), ()])
def test_odd_shapes_are_told(shape: tuple[int, ...]) -> None:
    blobs = named("flownet2s-thin")
    blobs["conv1/0"] = np.broadcast_to(ZERO, shape)
    with pytest.raises(WeightsError, match="misshapen"):
        import_checkpoint(SOURCE, blobs)


def test_other_spellings() -> None:
    """One published thin stack names the predictions of its first network by level; stacks have the prefix twice."""
    blobs = {}
    for name, value in named("flownet2css").items():
        other = re.sub(r"^Convolution(\d)/", lambda m: f"predict_conv{7 - int(m[1])}/", name)
        blobs[re.sub(r"^(net\d_)upsample", r"\1\1upsample", other)] = value
    assert "predict_conv6/0" in blobs
    assert "net3_net3_upsample_flow3to2/1" in blobs
    assert import_checkpoint(SOURCE, blobs).graph == build_network("flownet2css", CAFFE)


def test_biases_with_four_axes() -> None:
    blobs = {
        name: value.reshape(1, 1, 1, -1) if name.endswith("/1") else value for name, value in named("flownets").items()
    }
    assert import_checkpoint(SOURCE, blobs).parameters["flownets.conv1.bias"].shape == (64,)


def test_other_biases_with_four_axes_are_told() -> None:
    blobs = named("flownets") | {"conv1/1": np.zeros((1, 1, 8, 8), np.float32)}
    with pytest.raises(WeightsError, match=r"conv1\.bias: expected \(64,\), got \(1, 1, 8, 8\)"):
        import_checkpoint(SOURCE, blobs)


def test_names_without_a_deploy_file() -> None:
    """FlowNetSD has its prefix in FlowNet2 alone; FlowNetC and the stacks are as in FlowNet2."""
    sd = caffe.names(build_network("flownet2sd", CAFFE), {})
    assert {"conv0/0", "interconv5/1", "Convolution1/0", "Convolution5/1", "upsample_flow3to2/1"} <= sd.keys()
    assert not any(name.startswith("netsd_") for name in sd)
    css = caffe.names(build_network("flownet2css", CAFFE), {})
    assert css["conv_redir/0"] == "flownetc.conv_redir.weight"
    assert css["net2_conv1/0"] == "flownets1.conv1.weight"
    assert css["net3_conv1/1"] == "flownets2.conv1.bias"


def test_a_torch_file_with_one_such_name_is_not_caffes() -> None:
    assert caffe.is_caffe({"conv/0": ZERO})
    assert not caffe.is_caffe({"conv/0": ZERO, "conv1.weight": ZERO})
    assert not caffe.is_caffe({})


def test_means_alone_are_no_network() -> None:
    with pytest.raises(WeightsError, match=r"its 0 blobs are not those .* \(first names: none\)"):
        import_checkpoint(SOURCE, MEANS)


def test_blobs_that_are_no_weights_are_left_out() -> None:
    more = {"scale_conv1/0": np.float32([[1]]), "img0s_aug/0": np.float32([1]), "flow_gt_aug/0": np.float32([1])}
    assert import_checkpoint(SOURCE, named("flownets") | more).graph.name == "flownets"


def test_means_of_both_pictures() -> None:
    blobs = named("flownets")
    assert caffe.means("file", blobs) == ((0.25, 0.5, 0.75), (0.5, 0.25, 0.125))
    record = import_checkpoint(SOURCE, blobs).preprocess
    assert (record.mean, record.second_mean) == ((0.25, 0.5, 0.75), (0.5, 0.25, 0.125))
    assert (record.resampling, record.channel_order, record.size_rule) == ("lmb", "bgr", "resize")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "blob 2 of the layer 'img1s_aug', is missing"),
        (np.zeros((1, 3, 2, 1), np.float32), r"not three numbers in 0..1 but has the shape \(1, 3, 2, 1\)"),
        (np.float32([0.4, np.nan, 0.4]), "not three numbers"),
        (np.float32([100, 110, 120]), "not three numbers"),
        (np.array([0, 0, 1]), "not three numbers"),
        (np.float32([-2, 0.4, 0.4]), "not three numbers"),
    ],
    ids=["missing", "shape", "NaN", "0..255", "integers", "far below 0"],
)
def test_means_that_cannot_be(value: Array | None, message: str) -> None:
    blobs = named("flownets") | {"img1s_aug/2": value}
    with pytest.raises(WeightsError, match=message):
        import_checkpoint(SOURCE, {name: blob for name, blob in blobs.items() if blob is not None})


def test_every_fault_in_one_error() -> None:
    blobs = named("flownets")
    blobs["surprise/0"] = blobs.pop("conv2/0")
    blobs["conv3/1"] = np.zeros(3, np.float32)
    blobs["conv4/1"] = np.full(512, np.inf, np.float32)
    with pytest.raises(WeightsError) as error:
        import_checkpoint(SOURCE, blobs)
    for text in (
        SOURCE.name,
        "'flownets'",
        "1 missing:\n    flownets.conv2.weight (128, 64, 5, 5)",
        "1 unexpected:\n    surprise/0 (128, 64, 5, 5)",
        "1 misshapen:\n    flownets.conv3.bias: expected (256,), got (3,)",
        "1 unusable:\n    flownets.conv4.bias: holds NaN or infinite values",
    ):
        assert text in str(error.value), text


def test_an_origin_that_is_not_the_files() -> None:
    with pytest.raises(InputError, match="is a model of Caffe; its origin is caffe, not nvidia; leave origin out"):
        import_checkpoint(SOURCE, named("flownets"), origin="nvidia")
    with pytest.raises(InputError, match=r"is no model of Caffe: .*; leave origin out"):
        import_checkpoint(SOURCE, {"conv1.0.weight": np.zeros((64, 6, 7, 7), np.float32)}, origin="caffe")


def test_nothing_known() -> None:
    with pytest.raises(WeightsError, match=r"not those of a known Caffe network \(first names: ip1/0.*--network"):
        import_checkpoint(SOURCE, {"ip1/0": np.float32([1]), "ip1/1": np.float32([1])})
    with pytest.raises(InputError, match="Caffe has no weights for the network 'flownet2-lite'; known: flownet2, "):
        import_checkpoint(SOURCE, named("flownets"), "flownet2-lite")
    with pytest.raises(WeightsError, match="'flownetc'"):
        import_checkpoint(SOURCE, named("flownets"), "flownetc")


def test_what_caffe_computes_is_in_the_graph() -> None:
    graph = import_checkpoint(SOURCE, zeros("flownet2")).graph
    of = {kind: [node for node in graph.nodes if node.op == kind] for kind in ("warp", "resize", "correlation")}
    assert [node.attributes for node in of["warp"]] == [at.Warp(padding="cut")] * 4
    assert [node.attributes.reduction for node in of["correlation"]] == ["mean"]
    rules = {node.name: (node.attributes.mode, node.attributes.align_corners) for node in of["resize"]}
    assert rules == {
        "flownets1.flow": ("bilinear", True),
        "flownets2.flow": ("bilinear", True),
        "fusion.sd_flow": ("nearest", False),
        "fusion.css_flow": ("nearest", False),
    }
    factors = {node.name: node.attributes.factor for node in graph.nodes if node.op == "elementwise"}
    assert factors["fusion.sd_quarter"] == pytest.approx(0.05)
    assert factors["fusion.css_quarter"] == 20
    assert all("bias" in node.parameters for node in graph.nodes if "weight" in node.parameters)


@pytest.mark.parametrize("suffix", [".caffemodel", ".caffemodel.h5"])
def test_files_of_both_kinds(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    write = made.write_caffemodel_h5 if suffix.endswith("h5") else made.write_caffemodel
    rng = np.random.default_rng(1)
    layers = [
        (name, kind, [rng.normal(size=blob.shape).astype(np.float32) if "_aug" not in name else blob for blob in held])
        for name, kind, held in made.layers("flownet2ss-thin", values=False)
    ]
    write(path, layers)
    model = load_model(path)
    assert model.graph == build_network("flownet2ss-thin", CAFFE)
    rows = caffe.names(model.graph, made.blobs(layers))
    for blob, value in made.blobs(layers).items():
        if blob in rows:
            assert np.array_equal(model.parameters[rows[blob]], value), blob
