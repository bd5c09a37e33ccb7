# SPDX-License-Identifier: Apache-2.0
"""One competitor in a process of its own, started by bench_networks.py.

worker.py COMPETITOR NETWORK ROWSxCOLUMNS THREADS OUTPUT.npy: prints one JSON line when ready, then for every line
"go" on standard input runs once and prints its seconds; at the end of the input it prints its peak memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from common import manifest_tensors, model_of, network_input, parse_size

import flownet2
from flownet2.api import FlowEstimator
from flownet2.builtin import MODELS
from flownet2.executors import get_executor
from flownet2.networks import build_network


def ours(executor: str, network: str, x: np.ndarray, threads: int) -> Callable[[], np.ndarray]:
    """The package itself."""
    flownet2.set_num_threads(threads)
    model = model_of(network)
    estimator = FlowEstimator(model, get_executor(executor).compile(model.graph, model.parameters))
    return lambda: estimator.forward(x)


def pytorch(network: str, x: np.ndarray, threads: int) -> Callable[[], np.ndarray]:
    """PyTorch, eager, float32."""
    import torch
    from peers import torch_network

    torch.set_num_threads(threads)
    state = model_of(network).parameters if network in MODELS else manifest_tensors(network)
    module, tensor = torch_network(network, state), torch.from_numpy(x)

    def run() -> np.ndarray:
        with torch.inference_mode():
            return module(tensor).numpy()

    return run


def peak_mib() -> float | None:
    """Largest resident memory of this process so far; None on systems that do not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main() -> None:
    competitor, network, size, threads, output = sys.argv[1:]
    x = network_input(parse_size(size), build_network(network).size_multiple)
    start = time.perf_counter()
    run = pytorch(network, x, int(threads)) if competitor == "torch" else ours(competitor, network, x, int(threads))
    np.save(output, run())
    ready = {"shape": list(x.shape), "setup_s": time.perf_counter() - start}
    print(json.dumps(ready), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        print(json.dumps(seconds), flush=True)
    print(json.dumps({"peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    main()
