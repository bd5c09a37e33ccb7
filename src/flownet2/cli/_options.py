# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, and what their values must be."""

from __future__ import annotations

import argparse
import math

from flownet2 import FlowEstimator, load, set_num_threads
from flownet2.builtin import BUILT_IN, MODELS
from flownet2.errors import InputError
from flownet2.executors import ENGINES, EXECUTORS, PRECISIONS, parse_device
from flownet2.networks import NETWORKS
from flownet2.weights.origins import ORIGINS

DEFAULT_MODEL = BUILT_IN
DEVICE_NAMES = "cpu, cuda (an NVIDIA GPU), or cuda:N for another one"


def add_network(parser: argparse.ArgumentParser) -> None:
    """--network and --origin, for checkpoints."""
    parser.add_argument(
        "--network",
        metavar="NAME",
        help=f"network of a checkpoint, instead of recognising it: {', '.join(NETWORKS)}",
    )
    parser.add_argument(
        "--origin",
        metavar="NAME",
        help=f"whose arithmetic a checkpoint is for, instead of recognising it: {', '.join(ORIGINS)}",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """The options that `open_estimator` reads."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--model",
        metavar="NAME_OR_PATH",
        default=DEFAULT_MODEL,
        help=f"{' or '.join(MODELS)} (built in), a name that `flownet2 models` lists, a model file, or a checkpoint "
        "(default: %(default)s)",
    )
    add_computing(group)


def add_computing(group: argparse._ArgumentGroup) -> None:
    """What `open_estimator` reads beside --model: how the network is recognised and computed."""
    group.add_argument("--network", metavar="NAME", help="network of a checkpoint (default: recognised)")
    group.add_argument("--origin", metavar="NAME", help="whose arithmetic it is for (default: recognised)")
    group.add_argument(
        "--device", type=device, default="cpu", metavar="NAME", help=f"{DEVICE_NAMES} (default: %(default)s)"
    )
    group.add_argument("--executor", choices=tuple(EXECUTORS), help="how to compute on a CPU (default: the fastest)")
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="default: %(default)s; tf32 and float16 are for GPUs",
    )
    group.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="of convolutions on a GPU")
    group.add_argument(
        "--no-graph", dest="graph", action="store_false", help="do not capture what a GPU does as one CUDA graph"
    )
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads (default: all CPUs; the numpy executor also has its own: OPENBLAS_NUM_THREADS)",
    )


def open_estimator(args: argparse.Namespace, model: str | None = None) -> FlowEstimator:
    """The model that the options ask for; `model` instead of that of --model."""
    if args.threads is not None:
        set_num_threads(args.threads)
    return load(
        args.model if model is None else model,
        device=args.device,
        precision=args.precision,
        executor=args.executor,
        engine=args.engine,
        graph=args.graph,
        network=args.network,
        origin=args.origin,
    )


def device(text: str) -> str:
    """The name of a device.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        parse_device(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def gpu_index(text: str) -> int:
    """The number of the GPU in a device's name."""
    return parse_device(text)[1]


def positive(text: str) -> float:
    """A number of pixels above 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _positive(text, "pixels")


def positive_seconds(text: str) -> float:
    """A time above 0.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    return _positive(text, "seconds")


def positive_or_frame(text: str) -> float | None:
    """A number of pixels above 0, or "frame" for each picture's own: None."""
    return None if text == "frame" else positive(text)


def _positive(text: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"must be a positive number of {unit}, got {text!r}")
    return number
