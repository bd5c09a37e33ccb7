# SPDX-License-Identifier: Apache-2.0
"""mmflow's tensor names, as rows of data: our layer -> mmflow's layer, for each sub-network and each network.

Source: state dicts of mmflow 0.5.2, models/encoders/flownet_encoder.py, decoders/flownet_decoder.py, flownet2.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from flownet2.graph import Graph


def _encoder(levels: Mapping[int, str], first: Mapping[int, int]) -> dict[str, str]:
    """convN, convN_1 -> PREFIX.layers.INDEX.layers.{0,1}.conv; `levels` level -> prefix, `first` prefix start."""
    rows = {}
    for level, prefix in levels.items():
        for index, name in enumerate((f"conv{level}", f"conv{level}_1")):
            rows[name] = f"{prefix}.layers.{level - first[level]}.layers.{index}.conv"
    return rows


def _decoder(top: int, lowest: int, shift: int, *, inter: bool) -> dict[str, str]:
    """predict_flow, inter_conv, deconv and upsample_flow of levels top .. lowest; mmflow's level is ours + shift."""
    rows = {}
    for level in range(top, lowest - 1, -1):
        base = f"decoder.decoders.level{level + shift}"
        linear_pair = inter and level != top
        rows[f"predict_flow{level}"] = f"{base}.pred_out.1" if linear_pair else f"{base}.pred_out"
        if linear_pair:
            rows[f"inter_conv{level}"] = f"{base}.pred_out.0"
        if level > lowest:
            rows[f"deconv{level - 1}"] = f"{base}.deconv_out.deconvs.0"
            rows[f"upsample_flow{level}to{level - 1}"] = f"{base}.upsample_pred.deconvs.0"
    return rows


_ALL = dict.fromkeys(range(1, 7), "encoder")

LAYERS: dict[str, dict[str, str]] = {
    "s": _encoder(_ALL, dict.fromkeys(_ALL, 1)) | _decoder(6, 2, 0, inter=False),
    "c": {
        "conv1": "encoder.layers.0.layers.0.conv",
        "conv2": "encoder.layers.1.layers.0.conv",
        "conv3": "encoder.layers.2.layers.0.conv",
        "conv_redir": "corr_encoder.conv_redir.conv",
        "conv3_1": "corr_encoder.layers.0.layers.0.conv",
    }
    | _encoder(dict.fromkeys((4, 5, 6), "corr_encoder"), dict.fromkeys((4, 5, 6), 3))
    | _decoder(6, 2, 0, inter=False),
    "sd": {"conv0": "encoder.plugin_layer.conv"}
    | _encoder(_ALL, dict.fromkeys(_ALL, 1))
    | _decoder(6, 2, 0, inter=True),
    "fusion": {"conv0": "encoder.layers.0.layers.0.conv"}
    | _encoder({1: "encoder", 2: "encoder"}, {1: 0, 2: 0})
    | _decoder(2, 0, 1, inter=True),
}
"""Sub-network -> our layer -> mmflow's layer; a layer of the table need not exist in every network."""

_CSS = {
    "flownetc.": ("c", "flownetC."),
    "flownets1.": ("s", "flownetS1."),
    "flownets2.": ("s", "flownetS2."),
}

SUBNETWORKS: dict[str, dict[str, tuple[str, str]]] = {
    "flownets": {"flownets.": ("s", "")},
    "flownetc": {"flownetc.": ("c", "")},
    "flownet2sd": {"flownetsd.": ("sd", "")},
    "flownet2cs": {prefix: row for prefix, row in _CSS.items() if prefix != "flownets2."},
    "flownet2css": _CSS,
    "flownet2css-sd": _CSS,
    "flownet2": {prefix: (kind, f"flownetCSS.{theirs}") for prefix, (kind, theirs) in _CSS.items()}
    | {"flownetsd.": ("sd", "flownetSD."), "fusion.": ("fusion", "flownet_fusion.")},
}
"""Network -> our prefix -> (sub-network, mmflow's prefix)."""


def names(graph: Graph) -> dict[str, str]:
    """mmflow's tensor name -> ours, for every parameter of one of SUBNETWORKS' graphs."""
    rows = {}
    for ours in graph.parameters:
        prefix, layer, role = ours.split(".")
        kind, theirs = SUBNETWORKS[graph.name][f"{prefix}."]
        rows[f"{theirs}{LAYERS[kind][layer]}.{role}"] = ours
    return rows
