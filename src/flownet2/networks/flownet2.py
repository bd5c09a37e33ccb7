# SPDX-License-Identifier: Apache-2.0
"""Whole networks: single ones, stacks, and FlowNet2 itself (Ilg et al. 2017, figure 2; mmflow configs/flownet2)."""

from __future__ import annotations

from flownet2.graph import Builder, Graph
from flownet2.networks import blocks
from flownet2.networks.conventions import FLOW_DIVISOR, Conventions
from flownet2.networks.flownet_c import add_flownet_c
from flownet2.networks.flownet_s import add_flownet_s
from flownet2.networks.flownet_sd import add_flownet_sd
from flownet2.networks.fusion import add_fusion
from flownet2.ops import attributes as at

SIZE_MULTIPLE = 64
"""The encoders halve the size six times."""


def flownet_stack(name: str, first: str, refinements: int, rules: Conventions, width: float) -> Graph:
    """FlowNetS or FlowNetC ("s" or "c" as first), refined by so many further FlowNetS."""
    b, image1, image2 = _begin(name)
    raw = _stack(b, image1, image2, first, refinements, rules, width)
    mode = rules.css_output_mode if refinements == 2 else rules.output_mode
    return b.build({"flow": blocks.output(b, raw, FLOW_DIVISOR, mode)})


def flownet2_sd(name: str, rules: Conventions, width: float) -> Graph:
    """FlowNetSD on its own."""
    b, image1, image2 = _begin(name)
    raw = add_flownet_sd(b, "flownetsd.", _pair(b, image1, image2), width)
    return b.build({"flow": blocks.output(b, raw, rules.sd_alone_factor, rules.output_mode)})


def flownet2(name: str, rules: Conventions, width: float) -> Graph:
    """FlowNetCSS and FlowNetSD side by side, fused."""
    b, image1, image2 = _begin(name)
    css = _stack(b, image1, image2, "c", 2, rules, width)
    sd = add_flownet_sd(b, "flownetsd.", _pair(b, image1, image2), width)
    flow = add_fusion(b, "fusion.", image1, image2, css=css, sd=sd, width=width, rules=rules)
    return b.build({"flow": flow})


def _begin(name: str) -> tuple[Builder, str, str]:
    b = Builder(name, SIZE_MULTIPLE)
    return b, b.input("image1", 3), b.input("image2", 3)


def _pair(b: Builder, image1: str, image2: str) -> str:
    return b.add("pair", "concat", (image1, image2), at.Concat())


def _stack(b: Builder, image1: str, image2: str, first: str, refinements: int, rules: Conventions, width: float) -> str:
    """Raw flow at 1/4 of the last network; a lone or leading FlowNetS is "flownets", refinements are numbered."""
    if first == "c":
        raw = add_flownet_c(b, "flownetc.", image1, image2, width, correlation=rules.correlation)
    else:
        raw = add_flownet_s(b, "flownets.", _pair(b, image1, image2), width, flow_bias=rules.s_flow_bias)
    for index in range(1, refinements + 1):
        prefix = f"flownets{index}."
        linked = blocks.link(b, prefix, image1, image2, raw, rules)
        raw = add_flownet_s(b, prefix, linked, width, flow_bias=rules.s_flow_bias)
    return raw
