# SPDX-License-Identifier: Apache-2.0
"""Small model files for the tests of the C library."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flownet2.graph import Builder
from flownet2.ops import attributes as at
from flownet2.preprocess import Preprocess
from flownet2.weights import Model, write_model


def pass_through(path: Path, channels: tuple[int, int], multiple: int, preprocess: Preprocess) -> Path:
    """A file whose network's flow is two of its six input channels, picture 1's then picture 2's."""
    builder = Builder("pass_through", multiple)
    pair = builder.add("pair", "concat", (builder.input("image1", 3), builder.input("image2", 3)), at.Concat())
    builder.conv2d("chosen", pair, 2, 1, leaky_slope=None)
    weight = np.zeros((2, 6, 1, 1), np.float32)
    weight[(0, 1), channels] = 1
    parameters = {"chosen.weight": weight, "chosen.bias": np.zeros(2, np.float32)}
    write_model(path, Model(builder.build({"flow": "chosen"}), parameters, preprocess, {"origin": "test"}))
    return path


def heavy(path: Path) -> Path:
    """Some 60 GFLOP on pictures of 512x512: seconds, of which few convolutions take nearly all."""
    builder = Builder("heavy", 1)
    pair = builder.add("pair", "concat", (builder.input("image1", 3), builder.input("image2", 3)), at.Concat())
    x = builder.conv2d("first", pair, 128, 3)
    for index in range(4):
        x = builder.conv2d(f"conv{index}", x, 128, 5)
    graph = builder.build({"flow": builder.conv2d("last", x, 2, 1, leaky_slope=None)})
    rng = np.random.default_rng(0)
    parameters = {name: (rng.normal(size=s) / 50).astype(np.float32) for name, s in graph.parameters.items()}
    write_model(path, Model(graph, parameters, Preprocess()))
    return path
