# SPDX-License-Identifier: Apache-2.0
"""FlowNetS: one encoder for both pictures, four refinement steps (Dosovitskiy et al. 2015; FlowNetS in mmflow)."""

from __future__ import annotations

from flownet2.graph import Builder
from flownet2.networks.blocks import decoder, stage, widened

DECODER_CHANNELS = {5: 512, 4: 256, 3: 128, 2: 64}
"""Features upsampled to each level; the same in FlowNetS, FlowNetC and FlowNetSD."""


def add_flownet_s(b: Builder, prefix: str, x: str, width: float, *, flow_bias: bool) -> str:
    """x: 6 channels (two pictures) alone, 12 (see blocks.link) in a stack. Returns raw flow at 1/4."""
    c1 = stage(b, prefix, "conv1", x, widened(64, width), repeat=False, kernel=7)
    c2 = stage(b, prefix, "conv2", c1, widened(128, width), repeat=False, kernel=5)
    c3 = stage(b, prefix, "conv3", c2, widened(256, width), repeat=True, kernel=5)
    return deep_half(b, prefix, c2, c3, width, flow_bias=flow_bias)


def deep_half(b: Builder, prefix: str, c2: str, c3: str, width: float, *, flow_bias: bool) -> str:
    """conv4 to conv6 and the decoder: the part that FlowNetS and FlowNetC have in common."""
    c4 = stage(b, prefix, "conv4", c3, widened(512, width), repeat=True)
    c5 = stage(b, prefix, "conv5", c4, widened(512, width), repeat=True)
    c6 = stage(b, prefix, "conv6", c5, widened(1024, width), repeat=True)
    channels = {level: widened(c, width) for level, c in DECODER_CHANNELS.items()}
    skips = {6: c6, 5: c5, 4: c4, 3: c3, 2: c2}
    return decoder(b, prefix, skips, channels, inter=False, flow_bias=flow_bias)
