# SPDX-License-Identifier: Apache-2.0
"""One model over the pairs of a data set: the next pairs are read and the last ones scored while the network computes.

The calling thread runs the network and hands work to two others, one that reads and one that scores. What they raise
comes back with their results, so nothing but this thread decides what happens next.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from flownet2.datasets import Dataset, Pair, Truth
from flownet2.errors import DatasetError, FlowNet2Error, UnavailableError
from flownet2.evaluation import Protocol as EvaluationProtocol
from flownet2.evaluation import Record, Rules
from flownet2.io import read_image
from flownet2.types import Array, FloatArray

READ_AHEAD = 3
SCORED_BEHIND = 3
"""Pairs in memory beside the one that the network has; a Sintel pair with its truth takes 8 MB."""

_LOWEST_PRIORITY = 19


class FlowModel(Protocol):
    """A `FlowEstimator`, or what is called like one."""

    def __call__(self, image1: Array, image2: Array, *, size_rule: str) -> FloatArray:
        """Flow (H, W, 2) of two RGB pictures (H, W, 3)."""
        ...


@dataclass(frozen=True)
class Failure:
    """A pair without a result: a file that cannot be read, or a flow that cannot be scored."""

    name: str
    error: Exception


class _Input(NamedTuple):
    pictures: tuple[Array, Array]
    truth: Truth


def evaluate(
    model: FlowModel, dataset: Dataset, protocol: EvaluationProtocol, pairs: Sequence[Pair] | None = None
) -> Generator[Record | Failure, None, None]:
    """Runs a model over a data set and scores it by the rules of a protocol.

    Args:
        model: what `flownet2.load` gives, or a baseline.
        dataset: with truth.
        protocol: tells how pictures meet the network, and the rules for `dataset.name`.
        pairs: those to evaluate, in this order; None for all.

    Yields:
        A Record of each pair, or a Failure where its files cannot be read or its flow cannot be scored, in the order
        of the pairs. Closing the iterator stops all work.

    Raises:
        DatasetError: a pair has no truth.
        UnavailableError: a package is missing that the files need; the message names the pair.
        RuntimeError: anything unexpected, naming the pair; its cause is the error itself.

    Example:
        >>> from flownet2.evaluate import evaluate
        >>> from flownet2.baselines import Zero
        >>> from flownet2.datasets import Dataset
        >>> from flownet2.evaluation import get_protocol
        >>> list(evaluate(Zero(), Dataset("folder", "all", "", ()), get_protocol("raft")))
        []
    """
    chosen = dataset.pairs if pairs is None else pairs
    for pair in chosen:
        if pair.flow is None:
            raise DatasetError(f"{dataset.name}, split {dataset.split}: {pair.name} has no true flow to compare with")
    return _results(model, chosen, protocol.rules(dataset.name), protocol.size_rule)


def _results(
    model: FlowModel, pairs: Sequence[Pair], rules: Rules, size_rule: str
) -> Generator[Record | Failure, None, None]:
    waiting = iter(pairs)
    reading: deque[tuple[Pair, Future[_Input]]] = deque()
    scoring: deque[tuple[Pair, Future[Record]]] = deque()
    # Frames of a sequence are the second of one pair and the first of the next.
    picture: Callable[[Path], Array] = functools.lru_cache(maxsize=2)(read_image)
    with _thread("reader") as reader, _thread("scorer") as scorer:

        def read_next(count: int) -> None:
            reading.extend((pair, reader.submit(_read, pair, picture)) for pair in islice(waiting, count))

        read_next(READ_AHEAD)
        while reading:
            pair, coming = reading.popleft()
            scoring.append((pair, _computed(model, pair, coming, size_rule, rules, scorer)))
            read_next(1)
            while scoring and (len(scoring) > SCORED_BEHIND or scoring[0][1].done()):
                yield _result(*scoring.popleft())
        while scoring:
            yield _result(*scoring.popleft())


@contextmanager
def _thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """A thread for work in order; what has not begun when the block ends is dropped, so an error need not wait."""
    pool = ThreadPoolExecutor(1, f"flownet2-{name}", initializer=_stand_back)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _stand_back() -> None:
    """This thread leaves the processors to the network: it is faster undisturbed, and its time is its own."""
    if sys.platform == "linux":  # where a thread has a priority of its own, and may lower it
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)


def _read(pair: Pair, picture: Callable[[Path], Array]) -> _Input:
    # No metric looks at Sintel's mask of pixels that its makers do not vouch for: it need not be read.
    return _Input(pair.pictures(picture), replace(pair, invalid=None).truth())


def _computed(
    model: FlowModel, pair: Pair, coming: Future[_Input], size_rule: str, rules: Rules, scorer: ThreadPoolExecutor
) -> Future[Record]:
    """The record that is on its way, or the error that kept the network from its flow."""
    try:
        pictures, truth = coming.result()
        start = time.perf_counter()
        flow = model(*pictures, size_rule=size_rule)
        seconds = time.perf_counter() - start
    except Exception as error:
        failed: Future[Record] = Future()
        failed.set_exception(error)
        return failed
    return scorer.submit(_record, pair, pictures[0].shape, flow, truth, seconds, rules)


def _record(pair: Pair, shape: tuple[int, ...], flow: FloatArray, truth: Truth, seconds: float, rules: Rules) -> Record:
    # KITTI's two masks say the same; what is only in `valid` is occluded.
    occluded = truth.occluded if truth.noc_valid is None else None
    scores = rules.score(
        flow, truth.flow, truth.valid, occluded=occluded, noc_valid=truth.noc_valid, foreground=truth.foreground
    )
    return Record(pair.name, shape[0], shape[1], seconds, scores.speed, scores)


def _result(pair: Pair, coming: Future[Record]) -> Record | Failure:
    """What came, a failure of this pair, or an error that ends the evaluation."""
    try:
        return coming.result()
    except UnavailableError as error:
        raise UnavailableError(f"{pair.name}: {error}") from error
    except (FlowNet2Error, OSError, MemoryError) as error:
        return Failure(pair.name, error)
    except Exception as error:
        raise RuntimeError(f"{pair.name}: {type(error).__name__}: {error}") from error
