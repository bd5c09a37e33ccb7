# SPDX-License-Identifier: Apache-2.0
"""Our graphs by PyTorch's functions, to compare with. PyTorch is imported here alone, and only where it is installed.

Convolutions run in the type of their weights: those to few channels, which make flow, in float32, as ours do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flownet2.executors.precision import FLOW_CHANNELS, is_convolution, output_channels
from flownet2.graph import Graph, Node
from flownet2.types import Array

_TYPES = {"float32": "float32", "tf32": "float32", "float16": "float16", "bfloat16": "bfloat16"}


class TorchNetwork:
    """A graph with its weights on a device of PyTorch."""

    def __init__(self, graph: Graph, parameters: Mapping[str, Array], precision: str, device: str) -> None:
        """precision: as of our executors. Sets PyTorch's switch for TF32, which belongs to the process."""
        import torch

        self._torch, self._graph, self._device = torch, graph, device
        self._features = getattr(torch, _TYPES[precision])
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = True
        self._parameters = {}
        for node in graph.nodes:
            if is_convolution(node):
                wide = output_channels(graph, node) > FLOW_CHANNELS
                for name in node.parameters.values():
                    self._parameters[name] = self._tensor(parameters[name], self._features if wide else torch.float32)
        self._nodes = _needed(graph)

    def flow(self, pictures: Mapping[str, Array]) -> Array:
        """Flow (N, 2, H, W) in pixels of NumPy's pictures."""
        flow: Array = self.run(self.pictures(pictures)).float().cpu().numpy()
        return flow

    def pictures(self, pictures: Mapping[str, Array]) -> dict[str, Any]:
        """The graph's inputs on the device."""
        return {name: self._tensor(value, self._torch.float32) for name, value in pictures.items()}

    def run(self, pictures: Mapping[str, Any]) -> Any:
        """Queues it on tensors."""
        values = dict(pictures)
        with self._torch.inference_mode():
            for node in self._nodes:
                compute: Callable[..., Any] = getattr(self, f"_{node.op}")
                values[node.name] = compute(node, *(values[name] for name in node.inputs))
        return values[self._graph.outputs["flow"]]

    def _tensor(self, value: Array, dtype: Any) -> Any:
        tensor = self._torch.from_numpy(np.array(value)).to(self._device, dtype)
        return tensor.contiguous(memory_format=self._torch.channels_last) if tensor.ndim == 4 else tensor

    # ---- operators

    def _convolution(self, function: Callable[..., Any], node: Node, x: Any) -> Any:
        weight = self._parameters[node.parameters["weight"]]
        bias = self._parameters.get(node.parameters.get("bias", ""))
        rule = node.attributes
        result = function(x.to(weight.dtype), weight, bias, stride=rule.stride, padding=rule.padding)
        return self._leaky(result, rule.leaky_slope)

    def _conv2d(self, node: Node, x: Any) -> Any:
        return self._convolution(self._torch.nn.functional.conv2d, node, x)

    def _conv_transpose2d(self, node: Node, x: Any) -> Any:
        return self._convolution(self._torch.nn.functional.conv_transpose2d, node, x)

    def _leaky(self, x: Any, slope: float | None) -> Any:
        return x if slope is None else self._torch.nn.functional.leaky_relu(x, slope)

    def _leaky_relu(self, node: Node, x: Any) -> Any:
        return self._leaky(x, node.attributes.slope)

    def _correlation(self, node: Node, a: Any, b: Any) -> Any:
        """A product for every displacement: PyTorch has no such operator."""
        rule = node.attributes
        reach = rule.radius * rule.stride
        padded = self._torch.nn.functional.pad(b, (reach,) * 4)
        h, w = a.shape[2:]
        steps = range(0, 2 * reach + 1, rule.stride)
        products = [
            (a * padded[:, :, y : y + h, x : x + w]).sum(1, dtype=self._torch.float32) for y in steps for x in steps
        ]
        volume = self._torch.stack(products, 1)
        scale = 1 / a.shape[1] if rule.reduction == "mean" else 1.0
        return self._leaky(volume * scale, rule.leaky_slope)

    def _warp(self, node: Node, x: Any, flow: Any) -> Any:
        torch, rule = self._torch, node.attributes
        x = x.float()
        h, w = x.shape[2:]
        rows = torch.arange(h, device=flow.device)[:, None] + flow[:, 1]
        columns = torch.arange(w, device=flow.device) + flow[:, 0]
        grid = torch.stack((2 * columns / max(w - 1, 1) - 1, 2 * rows / max(h - 1, 1) - 1), -1)
        options = {"padding_mode": rule.padding, "align_corners": rule.align_corners}
        warped = torch.nn.functional.grid_sample(x, grid, **options)
        if rule.mask:
            warped = warped * (torch.nn.functional.grid_sample(torch.ones_like(x), grid, **options) > 0.9999)
        return warped

    def _channel_norm(self, _node: Node, x: Any) -> Any:
        return self._torch.linalg.vector_norm(x.float(), dim=1, keepdim=True)

    def _resize(self, node: Node, x: Any) -> Any:
        rule = node.attributes
        size = rule.size or tuple(side * factor for side, factor in zip(x.shape[2:], rule.scale, strict=True))
        corners = rule.align_corners if rule.mode == "bilinear" else None
        return self._torch.nn.functional.interpolate(x, size=size, mode=rule.mode, align_corners=corners)

    def _concat(self, _node: Node, *values: Any) -> Any:
        return self._torch.cat([value.to(self._features) for value in values], 1)

    def _elementwise(self, node: Node, a: Any, b: Any = None) -> Any:
        rule = node.attributes
        if rule.kind == "scale":
            return a * rule.factor
        return {"add": self._torch.add, "sub": self._torch.sub, "mul": self._torch.mul}[rule.kind](a, b)


def _needed(graph: Graph) -> list[Node]:
    """The nodes that flow is made of, in order."""
    needed, nodes = {graph.outputs["flow"]}, []
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
            nodes.append(node)
    return nodes[::-1]
