# SPDX-License-Identifier: Apache-2.0
"""FlowNetSD: FlowNetS with 3x3 kernels for small displacements (Ilg et al. 2017; FlowNetSD in mmflow)."""

from __future__ import annotations

from flownet2.graph import Builder
from flownet2.networks.blocks import decoder, stage, widened
from flownet2.networks.flownet_s import DECODER_CHANNELS


def add_flownet_sd(b: Builder, prefix: str, x: str, width: float) -> str:
    """x: 6 channels. Returns raw flow at 1/4."""
    x = b.conv2d(f"{prefix}conv0", x, widened(64, width), 3)
    x = b.conv2d(f"{prefix}conv1", x, widened(64, width), 3, stride=2)
    x = b.conv2d(f"{prefix}conv1_1", x, widened(128, width), 3)
    skips = {}
    for level, channels in ((2, 128), (3, 256), (4, 512), (5, 512), (6, 1024)):
        x = stage(b, prefix, f"conv{level}", x, widened(channels, width), repeat=True)
        skips[level] = x
    widths = {level: widened(c, width) for level, c in DECODER_CHANNELS.items()}
    return decoder(b, prefix, skips, widths, inter=True, flow_bias=True)
