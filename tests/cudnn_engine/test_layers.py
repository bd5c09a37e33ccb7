# SPDX-License-Identifier: Apache-2.0
"""What plan_check.py has cuDNN plan: every convolution of the network, as the published layers say."""

from __future__ import annotations

from cudnn_engine.layers import convolutions
from flownet2.executors.cuda.convolution import ConvSpec
from flownet2.networks import build_network


def test_flownet2_has_fifty_distinct_convolutions() -> None:
    found = convolutions(build_network("flownet2"), (1, 448, 1024), "float16")
    assert {kind: len(specs) for kind, specs in found.items()} == {"layers": 32, "flow": 18, "slices": 7}
    assert sum(len(names) for kind in ("layers", "flow") for names in found[kind].values()) == 117


def test_they_are_those_of_the_network() -> None:
    found = convolutions(build_network("flownet2"), (1, 448, 1024), "float16")
    first = ConvSpec(1, 448, 1024, 8, 8, 64, 7, 2, 3, "float16")
    assert found["layers"][first] == ["flownetc.conv1a", "flownetc.conv1b"]
    deconvolution = ConvSpec(1, 7, 16, 1024, 1024, 4 * 512, 2, 1, 1, "float16")
    assert "flownetc.deconv5" in found["layers"][deconvolution]
    head = ConvSpec(1, 7, 16, 1024, 1024, 8, 3, 1, 1, "float16")
    assert "flownetc.predict_flow6" in found["flow"][head]
    skip = ConvSpec(1, 56, 128, 256, 392, 512, 3, 2, 1, "float16")  # 256 + 128 + 2 channels, padded to 392
    assert "flownetc.conv4" in found["slices"][skip]
