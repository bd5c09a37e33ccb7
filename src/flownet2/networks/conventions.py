# SPDX-License-Identifier: Apache-2.0
"""What differs between the origins of weights, as data: a record goes into the graph when it is built.

No executor asks where weights came from. docs/conventions.md tells each difference and its source.
"""

from __future__ import annotations

import dataclasses
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
        second_mean: that of the second picture, None where it is the first's.
        mean_rule: "given" (`mean`), or that "pair" or "picture" which the network is given (see Preprocess).
        size_rule: how pictures meet the network where nobody says otherwise, "resize", "pad" or "crop".
        resampling: how "resize" resizes, "opencv", "corners" or "lmb" (see flownet2.resampling).
        correlation: "sum" or "mean" over the channels.
        warp_padding: what the links' warping reads outside the picture, "border", "zeros" or "cut".
        warp_mask: whether what is warped from outside, if only in part, becomes 0.
        link_align_corners: rule of the bilinear x4 upsampling between stacked networks.
        fusion_link_mode: x4 upsampling of both flows that are fused, "nearest" or "bilinear".
        output_mode: resampling of the last flow to the input's size, "bilinear" or "nearest".
        css_output_mode: the same after two refinements.
        sd_factor: raw FlowNetSD flow times this is in pixels, inside FlowNet2.
        sd_alone_factor: the same for FlowNetSD on its own.
        s_flow_bias: whether FlowNetS upsamples its flow with a bias (C, SD and fusion always do).
    """

    origin: str
    channel_order: str = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    second_mean: tuple[float, float, float] | None = None
    mean_rule: str = "given"
    size_rule: str = "resize"
    resampling: str = "opencv"
    correlation: str = "sum"
    warp_padding: str = "border"
    warp_mask: bool = False
    link_align_corners: bool = False
    fusion_link_mode: str = "nearest"
    output_mode: str = "bilinear"
    css_output_mode: str = "bilinear"
    sd_factor: float = FLOW_DIVISOR
    sd_alone_factor: float = FLOW_DIVISOR
    s_flow_bias: bool = False


MMFLOW = Conventions(origin="mmflow")
"""mmflow 0.5.2: configs/flownet*/, models/decoders/flownet_decoder.py, models/utils/corr_block.py."""

NVIDIA = Conventions(
    origin="nvidia",
    channel_order="rgb",
    mean_rule="pair",
    size_rule="crop",
    correlation="mean",
    css_output_mode="nearest",
    sd_factor=1 / FLOW_DIVISOR,
)
"""NVIDIA's flownet2-pytorch (models.py, datasets.py) under a PyTorch of 0.4 or later."""

NVIDIA_03 = dataclasses.replace(NVIDIA, origin="nvidia-0.3", link_align_corners=True)
"""The same under PyTorch 0.3, with which the weights were converted: `nn.Upsample` aligned corners then."""

NVIDIA_PX = dataclasses.replace(NVIDIA, origin="nvidia-px", sd_alone_factor=1 / FLOW_DIVISOR)
"""The same, with the flow of FlowNetSD alone in pixels; the code as published multiplies where it should divide."""

PTLFLOW = Conventions(
    origin="ptlflow",
    channel_order="rgb",
    mean_rule="picture",
    resampling="corners",
    correlation="mean",
    warp_padding="zeros",
    warp_mask=True,
    fusion_link_mode="bilinear",
    sd_factor=1 / FLOW_DIVISOR**3,
    sd_alone_factor=1 / FLOW_DIVISOR,
)
"""ptlflow since November 2023 (models/flownet/): its FlowNet2 divides FlowNetSD's flow once more, by 400."""

CAFFE = Conventions(
    origin="caffe",
    resampling="lmb",
    correlation="mean",
    warp_padding="cut",
    link_align_corners=True,
    sd_factor=1 / FLOW_DIVISOR,
    sd_alone_factor=1 / FLOW_DIVISOR,
    s_flow_bias=True,
)
"""The authors' Caffe (lmb): deploy files of FlowNet2, -S and -ss, layers FlowWarp, Accum and Resample; the mean of the
pictures is in each file."""
