# SPDX-License-Identifier: Apache-2.0
"""Pieces that several of the networks share: encoder stages, the decoder, the link between stacked networks."""

from __future__ import annotations

from collections.abc import Mapping

from flownet2.graph import Builder
from flownet2.networks.conventions import FLOW_DIVISOR, Conventions
from flownet2.ops import attributes as at

QUARTER_FLOW = "flow_quarter"
"""Flow in pixels of the input, at a quarter of its size: the last value but one of all networks without a fusion."""


def widened(channels: int, width: float) -> int:
    """Channels of a layer at a width factor; the paper's thin networks have 3/8."""
    return max(1, round(channels * width))


def stage(b: Builder, prefix: str, name: str, x: str, channels: int, *, repeat: bool, kernel: int = 3) -> str:
    """convN of stride 2, then convN_1 of stride 1 if repeat."""
    x = b.conv2d(f"{prefix}{name}", x, channels, kernel, stride=2)
    return b.conv2d(f"{prefix}{name}_1", x, channels, 3) if repeat else x


def decoder(
    b: Builder, prefix: str, skips: Mapping[int, str], channels: Mapping[int, int], *, inter: bool, flow_bias: bool
) -> str:
    """Refinement from the coarsest level to the finest: predict, upsample, join with the encoder's features.

    Args:
        b: builder of the graph.
        prefix: of all names, such as "flownetc.".
        skips: level -> encoder features at 1 / 2 ** level of the size; the coarsest is where decoding starts.
        channels: level -> channels of the features upsampled to that level.
        inter: a 3x3 convolution without activation before each prediction, as FlowNetSD and the fusion have.
        flow_bias: whether the flow is upsampled with a bias.

    Returns:
        Raw flow of the finest level.
    """
    top, lowest = max(skips), min(skips)
    x = skips[top]
    flow = b.conv2d(f"{prefix}predict_flow{top}", x, 2, 3, leaky_slope=None)
    for level in range(top - 1, lowest - 1, -1):
        up = b.conv_transpose2d(f"{prefix}deconv{level}", x, channels[level])
        flow_up = b.conv_transpose2d(
            f"{prefix}upsample_flow{level + 1}to{level}", flow, 2, leaky_slope=None, bias=flow_bias
        )
        x = b.add(f"{prefix}concat{level}", "concat", (skips[level], up, flow_up), at.Concat())
        head = x
        if inter:
            head = b.conv2d(f"{prefix}inter_conv{level}", x, channels[level], 3, leaky_slope=None)
        flow = b.conv2d(f"{prefix}predict_flow{level}", head, 2, 3, leaky_slope=None)
    return flow


def scale(b: Builder, name: str, x: str, factor: float) -> str:
    """x times factor."""
    return b.add(name, "elementwise", (x,), at.Elementwise("scale", factor))


def warp(b: Builder, name: str, image: str, flow_px: str, rules: Conventions) -> str:
    """The picture at the points that the flow leads to."""
    rule = at.Warp(padding=rules.warp_padding, mask=rules.warp_mask)
    return b.add(name, "warp", (image, flow_px), rule)


def brightness_error(b: Builder, name: str, image1: str, warped: str) -> str:
    """Length of the colour difference at every pixel."""
    difference = b.add(f"{name}.difference", "elementwise", (image1, warped), at.Elementwise("sub"))
    return b.add(name, "channel_norm", (difference,), at.ChannelNorm())


def link(b: Builder, prefix: str, image1: str, image2: str, raw: str, rules: Conventions) -> str:
    """Input of the next stacked FlowNetS: both pictures, the second warped, the flow, the brightness error.

    12 channels; the flow among them is the raw one, as trained (Caffe x0.05, NVIDIA `flow / div_flow`).
    """
    upsample = at.Resize(scale=(4, 4), align_corners=rules.link_align_corners)
    flow = b.add(f"{prefix}flow", "resize", (raw,), upsample)
    flow_px = scale(b, f"{prefix}flow_px", flow, FLOW_DIVISOR)
    warped = warp(b, f"{prefix}warped", image2, flow_px, rules)
    error = brightness_error(b, f"{prefix}error", image1, warped)
    return b.add(f"{prefix}input", "concat", (image1, image2, warped, flow, error), at.Concat())


def output(b: Builder, raw: str, factor: float, mode: str) -> str:
    """Flow in pixels at the input's size, from raw flow at a quarter of it."""
    flow = scale(b, QUARTER_FLOW, raw, factor)
    return b.add("flow", "resize", (flow,), at.Resize(scale=(4, 4), mode=mode))
