# SPDX-License-Identifier: Apache-2.0
"""What differs between the origins of weights, as data: a record goes into the graph when it is built.

No executor asks where weights came from. docs/conventions.md tells each difference and its source.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOW_DIVISOR = 20.0
"""Raw decoder outputs times this are pixels: Caffe scales the training truth by 0.05, mmflow has flow_div=20."""


@dataclass(frozen=True)
class Conventions:
    """One origin's arithmetic.

    Attributes:
        origin: name of the record.
        channel_order: of the pictures that the network takes, "bgr" or "rgb".
        mean: subtracted from the pictures after their division by 255, in channel_order.
        correlation: "sum" or "mean" over the channels.
        warp_padding: what the links' warping reads outside the picture, "border", "zeros" or "cut".
        link_align_corners: rule of the bilinear x4 upsampling between stacked networks.
        output_mode: resampling of the last flow to the input's size, "bilinear" or "nearest".
        sd_factor: raw FlowNetSD flow times this is in pixels, inside FlowNet2.
        sd_alone_factor: the same for FlowNetSD on its own.
        s_flow_bias: whether FlowNetS upsamples its flow with a bias (C, SD and fusion always do).
    """

    origin: str
    channel_order: str = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    correlation: str = "sum"
    warp_padding: str = "border"
    link_align_corners: bool = False
    output_mode: str = "bilinear"
    sd_factor: float = FLOW_DIVISOR
    sd_alone_factor: float = FLOW_DIVISOR
    s_flow_bias: bool = False


MMFLOW = Conventions(origin="mmflow")
"""mmflow 0.5.2: configs/flownet*/, models/decoders/flownet_decoder.py, models/utils/corr_block.py."""

CAFFE = Conventions(
    origin="caffe",
    correlation="mean",
    warp_padding="cut",
    link_align_corners=True,
    sd_factor=1 / FLOW_DIVISOR,
    sd_alone_factor=1 / FLOW_DIVISOR,
    s_flow_bias=True,
)
"""The authors' Caffe (lmb): deploy files of FlowNet2, -S and -ss, layers FlowWarp, Accum and Resample; the mean of the
pictures is in each file."""
