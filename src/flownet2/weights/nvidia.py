# SPDX-License-Identifier: Apache-2.0
"""Tensor names of NVIDIA's flownet2-pytorch, which ptlflow kept: our sub-networks and layers -> theirs.

Source: state dicts of NVIDIA/flownet2-pytorch bce69c8, models.py and networks/.
"""

from __future__ import annotations

import re

from flownet2.graph import Graph

_PREFIXES = {
    "flownetc.": "flownetc.",
    "flownets1.": "flownets_1.",
    "flownets2.": "flownets_2.",
    "flownetsd.": "flownets_d.",
    "fusion.": "flownetfusion.",
}
_CSS = ("flownetc.", "flownets1.", "flownets2.")

SUBNETWORKS: dict[str, dict[str, str]] = {
    "flownets": {"flownets.": ""},
    "flownetc": {"flownetc.": ""},
    "flownet2sd": {"flownetsd.": ""},
    "flownet2cs": {prefix: _PREFIXES[prefix] for prefix in _CSS[:2]},
    "flownet2css": {prefix: _PREFIXES[prefix] for prefix in _CSS},
    "flownet2css-sd": {prefix: _PREFIXES[prefix] for prefix in _CSS},
    "flownet2": _PREFIXES,
}
"""Network -> our prefix -> theirs."""


def layer(ours: str) -> str:
    """Their layer: ".0" of a pair with an activation or alone in a Sequential, but for bare convolutions to flow."""
    if ours.startswith("predict_flow"):
        return ours
    upsampled = re.fullmatch(r"upsample_flow(\d)to(\d)", ours)
    return f"upsampled_flow{upsampled[1]}_to_{upsampled[2]}" if upsampled else f"{ours}.0"


def names(graph: Graph) -> dict[str, str]:
    """Their tensor name -> ours, for every parameter of one of SUBNETWORKS' graphs."""
    rows = {}
    for ours in graph.parameters:
        prefix, name, role = ours.split(".")
        rows[f"{SUBNETWORKS[graph.name][f'{prefix}.']}{layer(name)}.{role}"] = ours
    return rows
