# SPDX-License-Identifier: Apache-2.0
"""Asks cuDNN, without a GPU, for its plans of every convolution of FlowNet2, on GPUs that are described to it.

    python plan_check.py

Needs nvidia-cudnn-cu13 and nvidia-cudnn-frontend, and a C compiler for stub_libcuda.c. The graphs are those that
flownet2.executors.cuda.cudnn makes on a device, for pictures of 448x1024. Fails if a convolution has no plan, or if
cuDNN takes what it cannot do. That proves that cuDNN has an engine for these sizes, strides and types and how much
memory it wants; no number is computed.

The description of a device is cuDNN's own, read off its messages; a cuDNN that wants another field says so here.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import cudnn_double  # noqa: E402
from cudnn_engine.layers import KINDS, convolutions  # noqa: E402
from flownet2.executors.cuda.convolution import ConvSpec  # noqa: E402
from flownet2.executors.cuda.cudnn import DATA_TYPES, build_graph, installed, usable  # noqa: E402
from flownet2.networks import build_network  # noqa: E402

NETWORK, ROWS, COLUMNS = "flownet2", 448, 1024


def stand_in_for_the_driver() -> None:
    """Loads the stub, which must come before cuDNN looks for a library of that name."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "libcuda.so.1"
        options = ["-shared", "-fPIC", f"-Wl,-soname,{library.name}"]
        subprocess.run(["cc", *options, HERE / "stub_libcuda.c", "-o", library], check=True)
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def described_devices() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """cuDNN's properties of each device, and of one that cannot compute in bfloat16."""
    facts = json.loads((HERE / "devices.json").read_text("utf-8"))
    return [facts["every"] | device for device in facts["devices"]], facts["every"] | facts["without_bfloat16"]


def workspace(cudnn: Any, spec: ConvSpec, device: dict[str, Any]) -> int:
    """Bytes that the plan of a convolution wants on a device; raises if there is none."""
    properties = cudnn.create_device_properties(json.dumps(device))
    graph = build_graph(cudnn, spec, device_property=properties, sm_version=device["deviceVer"] // 10)
    return int(graph.get_workspace_size())


def check(cudnn: Any, device: dict[str, Any], precision: str) -> list[str]:
    """Plans everything for one device and precision; prints a row; what has no plan."""
    failures, cells, start = [], [], time.perf_counter()
    for kind, specs in convolutions(build_network(NETWORK), (1, ROWS, COLUMNS), precision).items():
        sizes = []
        for spec, nodes in specs.items():
            try:
                sizes.append(workspace(cudnn, spec, device))
            except Exception as error:  # whatever it is, it is this layer's result
                failures.append(f"{device['deviceName']}, {nodes[0]}, {spec}: {type(error).__name__}: {error}")
        cells.append(f"{len(sizes):3d} of {len(specs):2d} {max(sizes, default=0) / 1e6:7.1f} MB")
        if not specs:
            failures.append(f"no {kind} were found in the network")
    seconds = time.perf_counter() - start
    print(f"{device['deviceName']:17s} {precision:9s} {'  '.join(cells)}  {seconds:5.1f} s", flush=True)  # noqa: T201
    return failures


def refused(cudnn: Any, device: dict[str, Any], precision: str) -> list[str]:
    """A word for every feature layer that has a plan where none must be: a check that accepts all would show here."""
    found = []
    for spec, nodes in convolutions(build_network(NETWORK), (1, ROWS, COLUMNS), precision)["layers"].items():
        try:
            workspace(cudnn, spec, device)
        except cudnn.cudnnGraphNotSupportedError:
            continue
        found.append(f"{device['deviceName']}, {nodes[0]}: a plan in {precision}, which it cannot compute in")
    return found


def unlike_the_double(cudnn: Any) -> list[str]:
    """Names of the double that the module has not: tests on the double must mean something for the module."""
    pairs = [
        (cudnn, cudnn_double.Cudnn(), "cudnn", {"backend", "workspace", "refuses", "handles", "graphs"}),
        (cudnn.data_type, cudnn_double.data_type, "data_type", set()),
        (cudnn.heur_mode, cudnn_double.heur_mode, "heur_mode", set()),
        (cudnn.numerical_note, cudnn_double.numerical_note, "numerical_note", set()),
        (cudnn.pygraph, cudnn_double.Graph, "pygraph", set()),
        (type(a_tensor(cudnn)), cudnn_double.Tensor, "tensor", {"packed", "memory"}),
    ]
    return [
        f"the double has {title}.{name}, cuDNN has not"
        for real, double, title, own in pairs
        for name in dir(double)
        if not name.startswith("_") and name not in own and not hasattr(real, name)
    ]


def a_tensor(cudnn: Any) -> Any:
    """A tensor of the module's."""
    graph = cudnn.pygraph(io_data_type=cudnn.data_type.FLOAT)
    return graph.tensor(name="x", dim=[1, 8, 2, 2], stride=[32, 1, 16, 8], data_type=cudnn.data_type.FLOAT, uid=1)


def main() -> int:
    stand_in_for_the_driver()
    print("A stand-in for the driver is loaded: nothing runs on a GPU, only plans are made.")  # noqa: T201
    cudnn = usable(installed())
    backend = cudnn.backend_version()
    print(f"nvidia-cudnn-frontend {cudnn.__version__}, cuDNN {backend}; {NETWORK} at {ROWS}x{COLUMNS}")  # noqa: T201
    print("plans and largest workspace of: " + ", ".join(KINDS))  # noqa: T201
    failures = unlike_the_double(cudnn)
    devices, without_bfloat16 = described_devices()
    for device in devices:
        for precision in DATA_TYPES:
            failures += check(cudnn, device, precision)
    failures += refused(cudnn, without_bfloat16, "bfloat16")
    for failure in failures:
        print(f"FAILED: {failure}")  # noqa: T201
    print(f"{len(failures)} failures")  # noqa: T201
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
