# SPDX-License-Identifier: Apache-2.0
"""Two pictures in, flow out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, overload

import numpy as np

from flownet2.builtin import model_path
from flownet2.errors import InputError, UnavailableError
from flownet2.executors import get_executor
from flownet2.graph import Graph
from flownet2.pictures import as_pictures
from flownet2.preprocess import CHANNEL_ORDERS, Preprocess, SizeFit
from flownet2.types import Array, FloatArray, PathLike
from flownet2.weights import Model, load_model


def load(
    name_or_path: PathLike = "flownet2-lite",
    *,
    device: str = "cpu",
    precision: str = "float32",
    executor: str | None = None,
    engine: str = "auto",
    graph: bool = True,
    network: str | None = None,
    origin: str | None = None,
) -> FlowEstimator:
    """A model that computes optical flow.

    Args:
        name_or_path: "flownet2-lite" (built in), a name of the catalogue such as "flownet2-things" (`flownet2 models`
            lists them, `flownet2 download NAME` gets one), or the path of a model file or of a checkpoint.
        device: "cpu", "cuda" (an NVIDIA GPU), or "cuda:1" for the second one.
        precision: "float32", or "bfloat16": half the memory, faster where the processor has instructions for it;
            flow differs by less than 0.1 px on average. On a GPU also "tf32" and "float16"; "float32" is without
            tensor cores there. Flow, coordinates and sums are float32 in all of them.
        executor: of a CPU, "native", "numpy" or "reference"; None for the fastest, "native".
        engine: of a GPU, where convolutions come from: "cudnn", "cublas", or "auto": cuDNN where it is installed.
        graph: of a GPU: queue all launches of a size as one CUDA graph; False to debug.
        network: of a checkpoint, such as "flownet2css-sd"; None to recognise it by its tensors.
        origin: of a checkpoint: whose arithmetic it is for, such as "nvidia" or "ptlflow"; None to recognise it.

    Raises:
        InputError: weights that are not on this machine, a misspelt name, or an unknown executor, precision, engine,
            network or origin.
        CheckpointError, WeightsError: the file is broken, or does not fit its network.
        UnavailableError: the device is not available; the message says what to install or change.
        OSError: the file cannot be read.

    Example:
        >>> import flownet2
        >>> model = flownet2.load()
        >>> model.network
        'flownet2-lite'
    """
    chosen = get_executor(executor, device=device, precision=precision, engine=engine, graph=graph)
    model = load_model(model_path(name_or_path), network, origin)
    return FlowEstimator(model, chosen.compile(model.graph, model.parameters))


class FlowEstimator:
    """A network ready to run; made by `flownet2.load`. Calls hold no state: any number of threads may call one."""

    def __init__(self, model: Model, compiled: Any) -> None:
        # Not the weights: the executor has them in its own form, and FlowNet2's take 650 MB.
        self._graph = model.graph
        self._preprocess = model.preprocess
        self._info = model.info
        self._compiled = compiled

    @property
    def network(self) -> str:
        """Name of the network, such as "flownet2"."""
        return self._graph.name

    @property
    def graph(self) -> Graph:
        """The network as data."""
        return self._graph

    @property
    def preprocess(self) -> Preprocess:
        """How the network takes its pictures."""
        return self._preprocess

    @property
    def info(self) -> Mapping[str, str]:
        """Facts of the model file: "origin", "license", "source", "source_sha256", ..."""
        return self._info

    def __repr__(self) -> str:
        """Name, size and origin."""
        millions = self.graph.parameter_count / 1e6
        return f"<FlowEstimator {self.network}, {millions:.1f} M parameters, origin {self.info.get('origin', '?')}>"

    def __call__(
        self, image1: Any, image2: Any, *, channel_order: str = "rgb", size_rule: str | None = None
    ) -> FloatArray:
        """Optical flow from image1 to image2; swap them for the backward flow.

        Args:
            image1: (H, W, 3), grey (H, W), or a batch (N, H, W, 3); uint8 0..255, uint16 0..65535 or float 0..1.
                Any size from 1x1 up, any strides; anything with `__array__` or `__dlpack__` on the CPU. With
                device="cuda" also anything with `__cuda_array_interface__` (CuPy, PyTorch), which stays on the GPU.
            image2: the same shape, on the same device.
            channel_order: of the pictures: "rgb", or "bgr" as OpenCV reads them.
            size_rule: for sizes that are no multiple of what the network needs (64; 32 for flownet2-lite):
                "resize" as mmflow, "pad" by the border's pixels and cut, or "crop" to the centre as NVIDIA; None for
                the model's own, `preprocess.size_rule`: "crop" for weights of NVIDIA's, "resize" for others.

        Returns:
            float32 (H, W, 2), or (N, H, W, 2) for a batch: pixels, u (to the right) then v (down), at the input's
            size; at the cropped size for "crop". On the CPU a batch gives the same bits as single calls. A CuPy array
            if the pictures were on the GPU.

        Raises:
            InputError: pictures or options that do not fit; the message tells the cure.
        """
        if channel_order not in CHANNEL_ORDERS:
            raise InputError(f"channel_order must be 'rgb' or 'bgr', got {channel_order!r}")
        device = self._compiled.device
        with device.scope() if device else nullcontext():
            first, batched = as_pictures("image1", image1, device)
            second, _ = as_pictures("image2", image2, device)
            _check_pair(first, second)
            on_gpu = _on_one_device(image1, image2)
            if device and not on_gpu:
                first, second = device.asarray(first), device.asarray(second)
            fit = self.preprocess.fit(size_rule, first.shape[1], first.shape[2], self.graph.size_multiple)
            result = fit.backward(self._flow(first, second, channel_order, fit))
            if device and not on_gpu:
                result = device.to_host(result)
        return result if batched else result[0]

    def _flow(self, first: Any, second: Any, channel_order: str, fit: SizeFit) -> Any:
        """(N, h, w, 2) of pictures (N, H, W, 3), where they are, as `fit.backward` takes it."""
        rules, device = self.preprocess, self._compiled.device
        if device and rules.is_plain(fit):
            turned, pair = channel_order != rules.channel_order, (fit.forward(first), fit.forward(second))
            return self._compiled.flow(*pair, turned=turned, mean=rules.mean)
        tensors = rules.inputs(first, second, channel_order, fit)
        if device:
            pair = tensors[0].transpose(0, 2, 3, 1), tensors[1].transpose(0, 2, 3, 1)
            return self._compiled.flow(*pair, turned=False, mean=(0.0, 0.0, 0.0), output=fit.output)
        named = {item.name: tensor for item, tensor in zip(self.graph.inputs, tensors, strict=True)}
        flow = self._compiled.run(named, [fit.output])[fit.output]
        return np.ascontiguousarray(flow.transpose(0, 2, 3, 1))

    @overload
    def forward(self, x: Array, outputs: None = None) -> FloatArray: ...
    @overload
    def forward(self, x: Array, outputs: Sequence[str]) -> dict[str, FloatArray]: ...

    def forward(self, x: Array, outputs: Sequence[str] | None = None) -> FloatArray | dict[str, FloatArray]:
        """The bare network, without any preprocessing.

        Args:
            x: (N, 6, H, W) float32, picture 1 then picture 2 in the network's channel order and range (mmflow: BGR,
                x / 255), NumPy's or, for a model on the GPU, an array there; H and W multiples of
                `graph.size_multiple`.
            outputs: names of values of the graph, such as "flownetc.predict_flow6" (raw decoder outputs, before
                the factor 20) or "flow"; None for the flow alone.

        Returns:
            Flow (N, 2, H, W) in pixels, or a dict with an array (N, C, h, w) for every name.

        Raises:
            InputError: x does not fit, or the graph has no such value.
        """
        names = ["flow"] if outputs is None else list(outputs)
        known = self.graph.value_names() | self.graph.outputs.keys()
        unknown = [name for name in names if name not in known]
        if unknown or isinstance(outputs, str):
            raise InputError(f"outputs must be a list of names of the graph's values, got {outputs!r}")
        values: dict[str, FloatArray] = self._compiled.run(self._split(x), names)
        return values["flow"] if outputs is None else values

    def profile(self, x: Array) -> list[tuple[list[str], str, float]]:
        """Where the time of the bare network goes: one run of `forward` for the flow, each step timed.

        Args:
            x: as for `forward`.

        Returns:
            (values, operator, milliseconds) of every step in its order. Instead of a node's operator, "layout" is a
            change of the layout in memory, "composed" two convolutions as one, "link" several nodes together.

        Raises:
            InputError: x does not fit.
            UnavailableError: the executor does not time its steps; "native" does.
        """
        if not hasattr(self._compiled, "profile"):
            raise UnavailableError('this executor does not time its steps; load the model with executor="native"')
        steps: list[tuple[list[str], str, float]] = self._compiled.profile(self._split(x), ["flow"])
        return steps

    def calc(self, prev: Array, next: Array, flow: Array | None = None) -> FloatArray:
        """Drop-in for cv2.DenseOpticalFlow.calc: BGR or grey uint8 pictures of any size.

        Args:
            prev: (H, W, 3) BGR or (H, W) grey, uint8.
            next: the same shape.
            flow: (H, W, 2) float32 array to write into, or None.

        Returns:
            (H, W, 2) float32, pixels; `flow` itself if given.

        Raises:
            InputError: other shapes or dtypes.
        """
        for name, picture in (("prev", prev), ("next", next)):
            if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim not in (2, 3):
                got = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture).__name__
                raise InputError(f"{name} must be a uint8 array (H, W, 3) in BGR or (H, W), got {got}")
        if flow is not None and (flow.shape != (*prev.shape[:2], 2) or flow.dtype != np.float32):
            raise InputError(
                f"flow must be float32 {(*prev.shape[:2], 2)} to be written into, got {flow.dtype} {flow.shape}; "
                "or leave it out"
            )
        result = self(prev, next, channel_order="bgr", size_rule=self.preprocess.whole_size_rule)
        if flow is None:
            return result
        flow[...] = result
        return flow

    def _split(self, x: Array) -> dict[str, Array]:
        """x as the graph's inputs."""
        device = self._compiled.device
        if device and hasattr(x, "__cuda_array_interface__"):
            with device.scope():
                array = device.asarray(x)
        else:
            array = np.asarray(x)
        multiple, channels = self.graph.size_multiple, sum(item.channels for item in self.graph.inputs)
        fits = array.ndim == 4 and array.shape[1] == channels and array.size > 0
        if not fits or array.shape[2] % multiple or array.shape[3] % multiple or array.dtype != np.float32:
            raise InputError(
                f"x must be (N, {channels}, H, W) float32 with H and W multiples of {multiple}, "
                f"got {array.dtype} {array.shape}"
            )
        inputs, start = {}, 0
        for item in self.graph.inputs:
            inputs[item.name] = array[:, start : start + item.channels]
            start += item.channels
        return inputs


def _on_one_device(image1: Any, image2: Any) -> bool:
    """Whether both are on the GPU."""
    first, second = (hasattr(image, "__cuda_array_interface__") for image in (image1, image2))
    if first != second:
        raise InputError(f"image1 and image2 must both be on the GPU, or neither; only image{1 if first else 2} is")
    return first


def _check_pair(first: Array, second: Array) -> None:
    if first.shape != second.shape:
        raise InputError(
            f"image1 and image2 must have one shape, got {first.shape[:3]} and {second.shape[:3]} (N, H, W); "
            "resize or crop one of them"
        )
    if first.dtype != second.dtype:
        raise InputError(f"image1 and image2 must have one dtype, got {first.dtype} and {second.dtype}")
