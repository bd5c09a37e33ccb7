# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of the fuzz targets: `python tests/fuzz/make_seeds.py`, with flownet2 installed.

`seeds/TARGET/` has what is written here, and findings that were fixed (`finding_*`), which are left alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flownet2.graph import Builder, Graph, graph_to_json
from flownet2.networks import build_network
from flownet2.ops import attributes as at
from flownet2.preprocess import Preprocess
from flownet2.weights.model import Model
from flownet2.weights.model_file import write_model

SEEDS = Path(__file__).parent / "seeds"

JSON = {
    "numbers": "[0,-0,1.5,-2e3,1E+400,9223372036854775807,9223372036854775808,1e-999]",
    "texts": r'["","a\"\\\/\b\f\n\r\t","\u00e4\ud83d\ude00","' + "\u00e4\U0001f600" + '"]',
    "nested": '{"a":[{},[],[[[{"b":null}]]],true,false],"c":{"d":{"e":[0]}}}',
    "space": ' \t\r\n{ "a" : [ 1 , 2 ] } \n',
}


def convolutions() -> Graph:
    """Wide, narrow, strided, transposed; two with the same weights; a pair that is computed as one."""
    b = Builder("convolutions", 8)
    pair = b.add("pair", "concat", (b.input("image1", 3), b.input("image2", 3)), at.Concat())
    wide = b.conv2d("wide", pair, 17, 3)
    strided = b.conv2d("strided", wide, 20, 5, stride=2)
    flow = b.conv2d("flow", strided, 2, 3, leaky_slope=None)
    up = b.conv_transpose2d("up", flow, 2, leaky_slope=None, bias=False)
    deconv = b.conv_transpose2d("deconv", strided, 16)
    joined = b.add("joined", "concat", (deconv, wide, up), at.Concat())
    inner = b.conv2d("inner", joined, 16, 3, leaky_slope=None)
    return b.build({"flow": b.conv2d("head", inner, 2, 3, leaky_slope=None)})


def rows() -> Graph:
    """Operators that go by rows, in one step."""
    b = Builder("rows", 4)
    x, flow = b.input("x", 3), b.input("flow", 2)
    warped = b.add("warped", "warp", (x, flow), at.Warp("zeros", False, True))
    difference = b.add("difference", "elementwise", (x, warped), at.Elementwise("sub"))
    norm = b.add("norm", "channel_norm", (difference,), at.ChannelNorm())
    scaled = b.add("scaled", "elementwise", (flow,), at.Elementwise("scale", 0.05))
    joined = b.add("joined", "concat", (norm, scaled, warped), at.Concat())
    relu = b.add("relu", "leaky_relu", (joined,), at.LeakyRelu(0.2))
    big = b.add("big", "resize", (relu,), at.Resize(scale=(2, 4), align_corners=True))
    fixed = b.add("fixed", "resize", (big,), at.Resize(size=(3, 5), mode="nearest"))
    return b.build({"flow": fixed, "big": big})


def matching() -> Graph:
    """Correlation, planar and of features in blocks."""
    b = Builder("matching", 4)
    x, y = b.input("x", 5), b.input("y", 5)
    plain = b.add("plain", "correlation", (x, y), at.Correlation(2, 1, "sum", None))
    one, two = (b.conv2d(f"conv_{name}", name, 16, 3) for name in (x, y))
    features = b.add("features", "correlation", (one, two), at.Correlation(4, 2, "mean", 0.1))
    joined = b.add("joined", "concat", (plain, features, one), at.Concat())
    total = b.add("sum", "elementwise", (one, two), at.Elementwise("add"))
    product = b.add("product", "elementwise", (total, two), at.Elementwise("mul"))
    return b.build({"flow": b.conv2d("last", joined, 2, 1), "product": product, "x": x})


def tiny() -> Graph:
    b = Builder("tiny", 1)
    pair = b.add("pair", "concat", (b.input("image1", 3), b.input("image2", 3)), at.Concat())
    return b.build({"flow": b.conv2d("flow2", pair, 2, 1, leaky_slope=None)})


def write(target: str, name: str, content: bytes) -> None:
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def main() -> None:
    """Write everything."""
    graphs = {graph.name: graph_to_json(graph) for graph in (convolutions(), rows(), matching(), tiny())}
    networks = {f"{name}_narrow": graph_to_json(build_network(name, width=1 / 32)) for name in ("flownets", "flownetc")}
    for name, text in {**graphs, **networks}.items():
        write("graph_plan", f"{name}.json", text.encode())
    for name, text in {**JSON, **graphs}.items():
        write("json", f"{name}.json", text.encode())
    random = np.random.default_rng(0)
    graph = tiny()
    weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in graph.parameters.items()}
    model = Model(
        graph, weights, Preprocess("rgb", (0.5, 0.25, 0.0)), {"title": "Tiny \u00e4", "license": "Apache-2.0"}
    )
    for dtype in ("float32", "float16", "bfloat16"):
        (SEEDS / "model_file").mkdir(parents=True, exist_ok=True)
        write_model(SEEDS / "model_file" / f"tiny_{dtype}.safetensors", model, dtype)


if __name__ == "__main__":
    main()
