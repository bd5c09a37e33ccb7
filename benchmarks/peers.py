# SPDX-License-Identifier: Apache-2.0
"""The networks in plain PyTorch, to be raced against: the same graph, every operator by PyTorch's own functions.

What was faster was taken: the correlation as shifted products, warping as grid_sample, activations in place, values
freed after their last use. ONNX Runtime and OpenVINO get the same module, traced (exports.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from flownet2.graph import Graph, Node

Tensor = torch.Tensor


class TorchNetwork(torch.nn.Module):
    """(N, 6, H, W) -> flow (N, 2, H, W) in pixels; weights by our names, taken as they are."""

    def __init__(self, graph: Graph, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.graph = graph
        self.attribute = {name: name.replace(".", "_") for name in graph.parameters}
        for name, attribute in self.attribute.items():
            self.register_parameter(attribute, torch.nn.Parameter(weights[name], requires_grad=False))
        self.last_use = {name: i for i, node in enumerate(graph.nodes) for name in node.inputs}
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        output = self.graph.outputs["flow"]
        values = {"image1": x[:, :3], "image2": x[:, 3:]}
        for index, node in enumerate(self.graph.nodes):
            parameters = {role: getattr(self, self.attribute[name]) for role, name in node.parameters.items()}
            if node.op == "concat" and node.inputs == ("image1", "image2"):
                values[node.name] = x  # what the input was cut from
            else:
                values[node.name] = _run(node, [values[name] for name in node.inputs], parameters)
            for name in set(node.inputs):
                if self.last_use[name] == index and name != output:
                    del values[name]
        return values[output]


def _run(node: Node, inputs: list[Tensor], parameters: Mapping[str, Tensor]) -> Tensor:
    attributes: Any = node.attributes
    out = _OPERATORS[node.op](attributes, *inputs, **parameters)
    slope = getattr(attributes, "leaky_slope", None)
    return out if slope is None else F.leaky_relu_(out, slope)


def _conv2d(a: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.conv2d(x, weight, bias, a.stride, a.padding)


def _conv_transpose2d(a: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.conv_transpose2d(x, weight, bias, a.stride, a.padding)


def _correlation(a: Any, first: Tensor, second: Tensor) -> Tensor:
    h, w = first.shape[2:]
    reach = a.radius * a.stride
    padded = F.pad(second, (reach,) * 4)
    steps = range(0, 2 * reach + 1, a.stride)
    planes = [(first * padded[:, :, y : y + h, x : x + w]).sum(1, keepdim=True) for y in steps for x in steps]
    volume = torch.cat(planes, 1)
    return volume / first.shape[1] if a.reduction == "mean" else volume


def _warp(a: Any, x: Tensor, flow: Tensor) -> Tensor:
    if not a.align_corners or a.mask:
        raise NotImplementedError("mmflow's published networks warp with align_corners and without mask")
    h, w = x.shape[2:]
    rows, columns = torch.arange(h, dtype=x.dtype)[:, None], torch.arange(w, dtype=x.dtype)
    grid = torch.stack(
        [(columns + flow[:, 0]) * (2 / max(w - 1, 1)) - 1, (rows + flow[:, 1]) * (2 / max(h - 1, 1)) - 1], -1
    )
    return F.grid_sample(x, grid, "bilinear", a.padding, align_corners=True)


def _resize(a: Any, x: Tensor) -> Tensor:
    h, w = a.size or (x.shape[2] * a.scale[0], x.shape[3] * a.scale[1])
    corners = a.align_corners if a.mode == "bilinear" else None
    return F.interpolate(x, size=(h, w), mode=a.mode, align_corners=corners)


def _elementwise(a: Any, x: Tensor, y: Tensor | None = None) -> Tensor:
    if y is None:
        return x * a.factor
    return {"add": torch.add, "sub": torch.sub, "mul": torch.mul}[a.kind](x, y)


_OPERATORS: dict[str, Callable[..., Tensor]] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "correlation": _correlation,
    "warp": _warp,
    "resize": _resize,
    "elementwise": _elementwise,
    "leaky_relu": lambda a, x: F.leaky_relu(x, a.slope),
    "channel_norm": lambda _, x: x.square().sum(1, keepdim=True).sqrt(),
    "concat": lambda _, *inputs: torch.cat(inputs, 1),
}
