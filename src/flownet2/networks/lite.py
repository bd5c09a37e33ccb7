# SPDX-License-Identifier: Apache-2.0
"""FlowNet2-lite, the small coarse-to-fine network inside the package: FlowNet 2.0's operators, 1.2 M parameters."""

from __future__ import annotations

from flownet2.graph import Builder, Graph
from flownet2.networks.blocks import output as final_flow
from flownet2.networks.blocks import scale
from flownet2.networks.conventions import FLOW_DIVISOR
from flownet2.ops import attributes as at

SIZE_MULTIPLE = 32
_ENCODER = {1: 16, 2: 32, 3: 64, 4: 96, 5: 128}
_REDUCED = 32
_DECODER = (96, 64, 48)
_CORRELATION = at.Correlation(max_displacement=4, stride=1, reduction="mean", leaky_slope=at.LEAKY_SLOPE)


def flownet2_lite(name: str) -> Graph:
    """Levels 5 to 2: warp the second features by the coarser flow, correlate, refine."""
    b = Builder(name, SIZE_MULTIPLE)
    images = {"a": b.input("image1", 3), "b": b.input("image2", 3)}
    features = {side: _encoder(b, side, image) for side, image in images.items()}
    flow: str | None = None
    for level in (5, 4, 3, 2):
        flow = _refine(b, level, features["a"][level], features["b"][level], flow)
    assert flow is not None  # set by the first level
    return b.build({"flow": final_flow(b, flow, FLOW_DIVISOR, "bilinear")})


def _encoder(b: Builder, side: str, x: str) -> dict[int, str]:
    """Features of one picture at 1/2 .. 1/32; both pictures share the weights."""
    features = {}
    for level, channels in _ENCODER.items():
        for index, stride in ((0, 2), (1, 1)):
            layer = f"encoder.level{level}.{index}"
            x = b.conv2d(f"{layer}.{side}", x, channels, 3, stride=stride, parameters=layer)
        features[level] = x
    return features


def _refine(b: Builder, level: int, first: str, second: str, coarser: str | None) -> str:
    """Raw flow of this level from both features and the raw flow of the level above, if there is one."""
    prefix = f"decoder.level{level}."
    joined: tuple[str, ...] = ()
    if coarser is not None:
        flow = b.add(f"{prefix}flow_up", "resize", (coarser,), at.Resize(scale=(2, 2)))
        flow_px = scale(b, f"{prefix}flow_px", flow, FLOW_DIVISOR / 2**level)
        second = b.add(f"{prefix}warped", "warp", (second, flow_px), at.Warp())
        joined = (flow,)
    volume = b.add(f"{prefix}corr", "correlation", (first, second), _CORRELATION)
    reduced = b.conv2d(f"{prefix}reduce", first, _REDUCED, 1)
    x = b.add(f"{prefix}concat", "concat", (volume, reduced, *joined), at.Concat())
    for index, channels in enumerate(_DECODER, start=1):
        x = b.conv2d(f"{prefix}conv{index}", x, channels, 3)
    raw = b.conv2d(f"{prefix}flow", x, 2, 3, leaky_slope=None)
    if coarser is None:
        return raw
    return b.add(f"{prefix}refined", "elementwise", (raw, *joined), at.Elementwise("add"))
