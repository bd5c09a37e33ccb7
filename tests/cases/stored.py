# SPDX-License-Identifier: Apache-2.0
"""Every stored output of the origins' own code, in one form: the model that should give it, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cases import caffe, networks
from flownet2.api import FlowEstimator
from flownet2.types import Array
from flownet2.weights import Model


class Output(NamedTuple):
    """What came, beside what the origin's code computed: (..., 2), u and v last."""

    what: str
    got: Array
    expected: Array


Outputs = Callable[[str, FlowEstimator], Iterator[Output]]


class Stored(NamedTuple):
    """An origin of which outputs are stored."""

    networks: Sequence[str]
    model: Callable[[str], Model]
    outputs: Outputs


def mmflow_outputs(network: str, model: FlowEstimator) -> Iterator[Output]:
    """The bare network, its raw decoder outputs (one Output each), a batch, the whole path from pictures."""
    arrays = networks.golden(network)
    levels = networks.level_values(network, arrays)
    got = model.forward(arrays["x"], ["flow", *levels])
    yield Output("flow, 128x192", _uv_last(got["flow"]), arrays["flow"])
    for name, expected in levels.items():
        yield Output("raw decoder levels", _uv_last(got[name]), _uv_last(expected))
    yield Output("flow, two of 64x128", _uv_last(model.forward(arrays["batch_x"])), arrays["batch_flow"])
    flow = model(arrays["image1_bgr"], arrays["image2_bgr"], channel_order="bgr")
    yield Output("pictures, 150x210, resized", flow, arrays["image_flow"])


def nvidia_outputs(network: str, model: FlowEstimator) -> Iterator[Output]:
    """From 8-bit pictures."""
    first, second, expected = networks.nvidia_golden(network)
    yield Output("pictures, 128x192", model(first, second), expected)


def caffe_outputs(network: str, model: FlowEstimator) -> Iterator[Output]:
    """From 8-bit pictures, as they are and resampled."""
    arrays = caffe.golden(network)
    for prefix, what in (("", "pictures, 128x192"), ("odd_", "pictures, 150x210, resized")):
        first, second = (arrays[f"{prefix}image{index}_bgr"] for index in (1, 2))
        yield Output(what, model(first, second, channel_order="bgr"), arrays[f"{prefix}flow"])


def _uv_last(values: Array) -> Array:
    moved: Array = values.transpose(0, 2, 3, 1)
    return moved


STORED: Mapping[str, Stored] = {
    "mmflow": Stored(networks.NAMES, networks.mmflow_model, mmflow_outputs),
    "nvidia": Stored(tuple(networks.NVIDIA), networks.nvidia_model, nvidia_outputs),
    "caffe": Stored(tuple(caffe.NETWORKS), caffe.model, caffe_outputs),
}
