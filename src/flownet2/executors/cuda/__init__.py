# SPDX-License-Identifier: Apache-2.0
"""Networks on an NVIDIA GPU: our kernels, and convolutions of cuDNN or cuBLAS, on CuPy's memory.

layout.py    where the values of a graph live
weights.py   weights in the forms that are read
program.py   a graph for one size: memory and launches
network.py   runs, captured as CUDA graphs
cublas.py, cudnn.py   engines for convolutions
device.py    the GPU as an object; tests have one of NumPy and emulated kernels
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping

from flownet2.executors.cuda.convolution import Engine
from flownet2.executors.cuda.cublas import CublasEngine
from flownet2.executors.cuda.device import Device, open_device, visible_gpus
from flownet2.executors.cuda.layout import Layout
from flownet2.executors.cuda.network import CudaNetwork
from flownet2.executors.cuda.program import Source
from flownet2.executors.cuda.weights import upload
from flownet2.graph import Graph
from flownet2.types import Array

__all__ = ["CudaExecutor", "CudaNetwork", "Device", "best_engine", "open_device", "visible_gpus"]


def _cudnn(device: Device) -> Engine:
    from flownet2.executors.cuda.cudnn import CudnnEngine

    return CudnnEngine(device)


_MAKERS: dict[str, Callable[[Device], Engine]] = {"cudnn": _cudnn, "cublas": CublasEngine}


def best_engine() -> str:
    """cuDNN where nvidia-cudnn-frontend is installed, else cuBLAS."""
    return "cudnn" if importlib.util.find_spec("cudnn") else "cublas"


class CudaExecutor:
    """Makes networks that run on a GPU."""

    def __init__(
        self,
        device: Device,
        *,
        precision: str = "float32",
        engine: str | Callable[[Device], Engine] = "auto",
        graph: bool = True,
        fused: bool = True,
    ) -> None:
        """Args: see flownet2.load.

        engine: or what makes one.
        fused: False computes every node for itself, to compare with.

        Raises:
            UnavailableError: the engine is not installed.
        """
        self._device, self._precision = device, precision
        self._graph, self._fused = graph, fused
        if isinstance(engine, str):
            engine = _MAKERS[best_engine() if engine == "auto" else engine]
        with device.scope():
            self._engine = engine(device)

    def compile(self, graph: Graph, parameters: Mapping[str, Array]) -> CudaNetwork:
        """The graph with its weights, which are uploaded.

        Raises:
            GraphError: a graph that the GPU does not run.
            MemoryError: the GPU has too little memory left.
        """
        layout = Layout(graph, self._precision, fused=self._fused)
        with self._device.scope():
            weights = upload(graph, parameters, layout, self._engine, self._device, self._precision)
        source = Source(graph, layout, weights, self._engine, self._device, self._precision)
        return CudaNetwork(source, graph=self._graph)
