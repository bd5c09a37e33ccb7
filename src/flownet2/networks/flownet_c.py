# SPDX-License-Identifier: Apache-2.0
"""FlowNetC: features of each picture apart, their correlation, then as FlowNetS (FlowNetC in mmflow)."""

from __future__ import annotations

from flownet2.graph import Builder
from flownet2.networks.blocks import widened
from flownet2.networks.flownet_s import deep_half
from flownet2.ops import attributes as at


def add_flownet_c(b: Builder, prefix: str, image1: str, image2: str, width: float, *, correlation: str) -> str:
    """correlation: "sum" or "mean" over the channels. Returns raw flow at 1/4."""
    a2, a3 = _tower(b, prefix, "a", image1, width)
    _, b3 = _tower(b, prefix, "b", image2, width)
    redir = b.conv2d(f"{prefix}conv_redir", a3, widened(32, width), 1)
    rule = at.Correlation(max_displacement=20, stride=2, reduction=correlation, leaky_slope=at.LEAKY_SLOPE)
    volume = b.add(f"{prefix}corr", "correlation", (a3, b3), rule)
    joined = b.add(f"{prefix}concat_corr", "concat", (redir, volume), at.Concat())
    c3 = b.conv2d(f"{prefix}conv3_1", joined, widened(256, width), 3)
    return deep_half(b, prefix, a2, c3, width, flow_bias=True)


def _tower(b: Builder, prefix: str, side: str, image: str, width: float) -> tuple[str, str]:
    """conv1 to conv3 of one picture, with weights that both pictures share; returns conv2 and conv3."""
    x, values = image, []
    for name, channels, kernel in (("conv1", 64, 7), ("conv2", 128, 5), ("conv3", 256, 5)):
        layer = f"{prefix}{name}"
        x = b.conv2d(f"{layer}{side}", x, widened(channels, width), kernel, stride=2, parameters=layer)
        values.append(x)
    return values[1], values[2]
