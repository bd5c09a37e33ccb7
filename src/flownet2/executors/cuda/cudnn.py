# SPDX-License-Identifier: Apache-2.0
"""Convolutions by cuDNN, through NVIDIA's package nvidia-cudnn-frontend, which is imported here alone.

Every convolution is conv_fprop (transposed.py says how transposed ones are: conv_dgrad takes eight times as long for
them in float32). cuDNN writes plain sums, packed; bias, LeakyReLU and the slice of a wider tensor are the executor's
kernel after it. In one graph with LeakyReLU, or with float32 sums of half-precision inputs, cuDNN has only engines that
it compiles at run time, 0.3 to 9 seconds a layer. So sums have the type of the input.

Run on an H200 (benchmarks/results, tests/cuda/test_real_gpu.py). Held without a GPU: cuDNN takes these very graphs for
all layers of FlowNet2 on A100, RTX 4090, H100 and RTX 5090 (.ci/steps/cudnn.sh); dimensions, strides, padding, layout
of weights and the division of the scratch memory mean the right convolution, by a double of the module that computes
in NumPy what a graph says (tests/cudnn_engine).
"""

from __future__ import annotations

import re
import threading
from typing import Any, Protocol

import numpy as np

from flownet2.errors import UnavailableError
from flownet2.executors.cuda.convolution import ConvSpec, Finish
from flownet2.executors.cuda.storage import storage
from flownet2.types import Array

FRONTENDS = ((1, 18), (1, 29))
"""Versions of nvidia-cudnn-frontend: from, below. 1.18 describes devices; 1.29 needs 0.5 GB of packages never used."""

BACKENDS = (90800, 100000)
"""Versions of cuDNN as it tells them, major * 10000 + minor * 100 + patch: from, below."""

X, WEIGHTS, SUMS = 1, 2, 3
"""The tensors of a graph, by the numbers that a run names them with."""

DATA_TYPES = {"float32": "FLOAT", "tf32": "FLOAT", "float16": "HALF", "bfloat16": "BFLOAT16"}

ALIGNMENT = 256


class Device(Protocol):
    """What the engine wants of the executor's device."""

    @property
    def stream(self) -> int:
        """The current stream's handle."""
        ...

    def pointer(self, array: Any) -> int:
        """Address of the first element of an array in the device's memory."""
        ...


class CudnnEngine:
    """The engine "cudnn" of one device, which must be the current one whenever it is used.

    It may be used from any thread. Its handle is never destroyed, because that waits for the device, which breaks
    another thread's capture of a graph: so keep one engine per device.
    """

    name = "cudnn"

    def __init__(self, device: Device, cudnn: Any = None) -> None:
        """Finds the package.

        Args:
            device: where pointers and the stream come from.
            cudnn: used in place of the installed package, by tests.

        Raises:
            UnavailableError: the package or cuDNN itself is missing or of another version.
        """
        self._device = device
        self._cudnn = usable(installed() if cudnn is None else cudnn)
        self._handle: Any = None
        self._plans: dict[ConvSpec, CudnnConvolution] = {}
        self._lock = threading.Lock()  # cuDNN forbids two threads on one handle

    def packed(self, weight: Array) -> Array:
        """Channels last: (Co, Kh, Kw, Ci)."""
        return np.ascontiguousarray(weight.transpose(0, 2, 3, 1), np.float32)

    def plan(self, spec: ConvSpec) -> CudnnConvolution:
        """The convolution, planned when first asked for.

        Raises:
            UnavailableError: cuDNN cannot be started on this device, or has no plan for the convolution.
        """
        with self._lock:
            if spec not in self._plans:
                self._plans[spec] = CudnnConvolution(self, spec, self._graph(spec))
            return self._plans[spec]

    def _graph(self, spec: ConvSpec) -> Any:
        if self._handle is None:
            try:
                self._handle = self._cudnn.create_handle()
            except RuntimeError as error:
                raise UnavailableError(f"cuDNN does not start on this device: {_first_line(error)}") from error
        try:
            return build_graph(self._cudnn, spec, handle=self._handle)
        except (self._cudnn.cudnnGraphNotSupportedError, RuntimeError) as error:
            raise UnavailableError(
                f'cuDNN has no plan for {spec}: {_first_line(error)}; use engine="cublas"'
            ) from error

    def execute(self, graph: Any, x: Any, weights: Any, scratch: Any, workspace: int) -> None:
        """Queues a graph: the sums go to the beginning of scratch, cuDNN's workspace begins at that byte of it."""
        start = int(self._device.pointer(scratch))
        tensors = {X: int(self._device.pointer(x)), WEIGHTS: int(self._device.pointer(weights)), SUMS: start}
        with self._lock:
            self._cudnn.set_stream(handle=self._handle, stream=self._device.stream)
            graph.execute(tensors, start + workspace, handle=self._handle)


class CudnnConvolution:
    """A convolution with cuDNN's plan for it (see Convolution). Scratch memory: the sums, then cuDNN's workspace."""

    def __init__(self, engine: CudnnEngine, spec: ConvSpec, graph: Any) -> None:
        self._engine = engine
        self._graph = graph
        rows, columns = spec.out_size
        self._shape = (spec.batch * rows, columns, spec.channels_out)
        self._type = storage(spec.precision)
        self._bytes = int(np.prod(self._shape, dtype=np.int64)) * self._type.itemsize
        self._workspace = -(-self._bytes // ALIGNMENT) * ALIGNMENT
        self.scratch = self._workspace + int(graph.get_workspace_size())

    def run(self, x: Any, weights: Any, scratch: Any, finish: Finish) -> None:
        """Queues the convolution, and what finish queues for all its rows, on the device's stream."""
        self._engine.execute(self._graph, x, weights, scratch, self._workspace)
        finish(scratch[: self._bytes].view(self._type).reshape(self._shape), 0)


def build_graph(cudnn: Any, spec: ConvSpec, **place: Any) -> Any:
    """cuDNN's graph of one convolution with the plan that its heuristics like best.

    Args:
        cudnn: the module.
        spec: what to plan.
        place: where it will run, as cudnn.pygraph wants to know it: handle=, or device_property= and sm_version= of a
            device that is only described.
    """
    data, float32 = getattr(cudnn.data_type, DATA_TYPES[spec.precision]), cudnn.data_type.FLOAT
    graph = cudnn.pygraph(io_data_type=data, intermediate_data_type=float32, compute_data_type=float32, **place)
    n, ci, co, k, (ho, wo) = spec.batch, spec.channels_in, spec.channels_out, spec.kernel, spec.out_size
    strides = channels_last(spec.height, spec.width, spec.pitch_in)
    x = graph.tensor(name="x", dim=[n, ci, spec.height, spec.width], stride=strides, data_type=data, uid=X)
    strides = channels_last(k, k, ci)
    weights = graph.tensor(name="weights", dim=[co, ci, k, k], stride=strides, data_type=data, uid=WEIGHTS)
    window = {"padding": [spec.padding] * 2, "stride": [spec.stride] * 2, "dilation": [1, 1]}
    sums = graph.conv_fprop(image=x, weight=weights, **window)
    sums.set_output(True).set_data_type(data).set_uid(SUMS)
    sums.set_dim([n, co, ho, wo]).set_stride(channels_last(ho, wo, co))

    graph.validate()
    graph.build_operation_graph()
    # Without tensor cores, mode A finds nothing for some layers on some devices.
    graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
    graph.deselect_numeric_notes([getattr(cudnn.numerical_note, name) for name in unwanted(spec.precision)])
    graph.check_support()
    graph.build_plans()
    return graph


def channels_last(rows: int, columns: int, pitch: int) -> list[int]:
    """Strides of (N, C, H, W) in a tensor whose channels lie together."""
    return [rows * columns * pitch, 1, columns * pitch, pitch]


def unwanted(precision: str) -> list[str]:
    """What a plan must not do: sum in less than float32, sum in another order each time, round operands."""
    notes = ["REDUCED_PRECISION_REDUCTION", "NONDETERMINISTIC"]
    return [*notes, "TENSOR_CORE", "DOWN_CONVERT_INPUTS"] if precision == "float32" else notes


def installed() -> Any:
    """The package's module.

    Raises:
        UnavailableError: it is not there, or does not load.
    """
    try:
        import cudnn
    except (ImportError, OSError) as error:
        raise _unavailable(f"the package nvidia-cudnn-frontend, which does not load ({_first_line(error)})") from error
    return cudnn


def usable(cudnn: Any) -> Any:
    """The module, if it and its library have versions that are known to work.

    Raises:
        UnavailableError: they have not.
    """
    version = str(getattr(cudnn, "__version__", "none"))
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if not FRONTENDS[0] <= numbers < FRONTENDS[1]:
        raise _unavailable(f"nvidia-cudnn-frontend {_range(FRONTENDS)}; its version is {version}")
    needed = tuple((number // 10000, number // 100 % 100) for number in BACKENDS)
    try:
        backend = int(cudnn.backend_version())
    except RuntimeError as error:  # the package without the library
        raise _unavailable(f"cuDNN {_range(needed)}, which does not load ({_first_line(error)})") from error
    if not BACKENDS[0] <= backend < BACKENDS[1]:
        raise _unavailable(f"cuDNN {_range(needed)}; its version is {backend // 10000}.{backend // 100 % 100}")
    return cudnn


def _range(versions: tuple[tuple[int, ...], ...]) -> str:
    lowest, limit = (".".join(map(str, version)) for version in versions)
    return f">={lowest},<{limit}"


def _unavailable(needs: str) -> UnavailableError:
    return UnavailableError(f'the engine "cudnn" needs {needs}; pip install "flownet2[cudnn13]"')


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
