# SPDX-License-Identifier: Apache-2.0
"""The fusion network of FlowNet2: joins the stacked flow and the small-displacement flow at full size."""

from __future__ import annotations

from flownet2.graph import Builder
from flownet2.networks.blocks import brightness_error, decoder, scale, warp, widened
from flownet2.networks.conventions import FLOW_DIVISOR, Conventions
from flownet2.ops import attributes as at


def add_fusion(
    b: Builder, prefix: str, image1: str, image2: str, *, css: str, sd: str, width: float, rules: Conventions
) -> str:
    """css, sd: raw flows at 1/4. Returns flow in pixels at full size (no factor, no upsampling)."""
    joined = _input(b, prefix, image1, image2, css=css, sd=sd, rules=rules)
    c0 = b.conv2d(f"{prefix}conv0", joined, widened(64, width), 3)
    c1 = b.conv2d(f"{prefix}conv1", c0, widened(64, width), 3, stride=2)
    c1 = b.conv2d(f"{prefix}conv1_1", c1, widened(128, width), 3)
    c2 = b.conv2d(f"{prefix}conv2", c1, widened(128, width), 3, stride=2)
    c2 = b.conv2d(f"{prefix}conv2_1", c2, widened(128, width), 3)
    channels = {1: widened(32, width), 0: widened(16, width)}
    return decoder(b, prefix, {2: c2, 1: c1, 0: c0}, channels, inter=True, flow_bias=True)


def _input(b: Builder, prefix: str, image1: str, image2: str, *, css: str, sd: str, rules: Conventions) -> str:
    """11 channels: picture 1, both flows, their lengths, both brightness errors; SD first each time."""
    flows, norms, errors = [], [], []
    for name, raw, factor in (("sd", sd, rules.sd_factor), ("css", css, FLOW_DIVISOR)):
        quarter = scale(b, f"{prefix}{name}_quarter", raw, factor)
        upsample = at.Resize(scale=(4, 4), mode=rules.fusion_link_mode)
        flow = b.add(f"{prefix}{name}_flow", "resize", (quarter,), upsample)
        warped = warp(b, f"{prefix}{name}_warped", image2, flow, rules)
        flows.append(flow)
        norms.append(b.add(f"{prefix}{name}_norm", "channel_norm", (flow,), at.ChannelNorm()))
        errors.append(brightness_error(b, f"{prefix}{name}_error", image1, warped))
    return b.add(f"{prefix}input", "concat", (image1, *flows, *norms, *errors), at.Concat())
