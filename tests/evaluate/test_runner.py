# SPDX-License-Identifier: Apache-2.0
"""The runner: numbers as `score` gives them, work beside the network, failures, and an end to its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets import trees
from flownet2.datasets import Dataset, Pair, open_dataset
from flownet2.errors import DatasetError, ImageError, InputError, UnavailableError
from flownet2.evaluate import Failure, evaluate
from flownet2.evaluate import runner as runner_module
from flownet2.evaluation import PROTOCOLS, Record, Rules, get_protocol, score

TIMEOUT_S = 20


class Model:
    """Flow that tells the pictures apart: u of the first one's red, v of the second's."""

    def __init__(self, before: Callable[[int], None] = lambda call: None) -> None:
        self.rules: list[str] = []
        self._before = before

    def __call__(self, image1: np.ndarray, image2: np.ndarray, *, size_rule: str) -> np.ndarray:
        self._before(len(self.rules))
        self.rules.append(size_rule)
        flow = np.zeros((*image1.shape[:2], 2), np.float32)
        flow[..., 0] = image1[..., 0] / 3 + np.arange(image1.shape[1])
        flow[..., 1] = -image2[..., 0] / 7
        return flow


@pytest.fixture
def kitti(tmp_path: Path) -> Dataset:
    return open_dataset("kitti2015", trees.kitti(tmp_path, "image_2", True))


@pytest.fixture
def sintel(tmp_path: Path) -> Dataset:
    return open_dataset("sintel-clean", trees.sintel(tmp_path))


@pytest.fixture
def frames(tmp_path: Path) -> Dataset:
    """Nine pairs of a sequence."""
    trees.frames(tmp_path, range(1, 11))
    for number in range(1, 10):
        trees.flow(tmp_path / f"flow/frame_{number}.flo", number)
    return open_dataset("folder", tmp_path)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("flownet2-")]


def masks_of(pair: Pair, protocol: str) -> dict[str, Any]:
    """What `score` is to be given, spelt out from the protocols' own code."""
    truth = pair.truth()
    if pair.noc_flow is not None:
        given: dict[str, Any] = {"valid": truth.valid, "noc_valid": truth.noc_valid, "foreground": truth.foreground}
        return {**given, "max_flow": 512} if protocol == "ptlflow" else given
    given = {"occluded": truth.occluded}
    return {**given, "max_flow": 10000} if protocol == "ptlflow" else given


@pytest.mark.parametrize("name", ["kitti", "sintel"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numbers_are_those_of_score(name: str, protocol: str, request: pytest.FixtureRequest) -> None:
    dataset = request.getfixturevalue(name)
    results = list(evaluate(Model(), dataset, get_protocol(protocol)))
    assert [result.name for result in results] == [pair.name for pair in dataset.pairs]
    for result, pair in zip(results, dataset.pairs, strict=True):
        assert isinstance(result, Record)
        truth = pair.truth()
        flow = Model()(*pair.pictures(), size_rule="pad")
        assert result.scores == score(flow, truth.flow, **masks_of(pair, protocol))
        assert (result.height, result.width) == (trees.HEIGHT, trees.WIDTH)
        assert 0 <= result.seconds < TIMEOUT_S
        assert result.speed == pytest.approx(np.hypot(*truth.flow[4, 4].astype(float)), rel=1e-12)


def test_the_size_rule_is_the_protocols(sintel: Dataset) -> None:
    found = {}
    for name, protocol in PROTOCOLS.items():
        model = Model()
        list(evaluate(model, sintel, protocol))
        found[name] = set(model.rules)
    assert found == {"mmflow": {"resize"}, "raft": {"pad"}, "ptlflow": {"resize"}}


def test_speed_counts_what_the_scores_count(tmp_path: Path) -> None:
    trees.frames(tmp_path)
    trees.flow(tmp_path / "flow/frame_1.flo", 20000)
    dataset = open_dataset("folder", tmp_path)
    (limited,) = evaluate(Model(), dataset, get_protocol("ptlflow"))  # which counts below 10000 px
    assert isinstance(limited, Record)
    assert (limited.speed, limited.scores.cells["epe"].pixels) == (0.0, 0)
    (all_of_it,) = evaluate(Model(), dataset, get_protocol("mmflow"))
    assert isinstance(all_of_it, Record)
    assert all_of_it.speed == pytest.approx(20000, rel=1e-6)


def test_chosen_pairs(sintel: Dataset) -> None:
    chosen = sintel.pairs[2:0:-1]
    results = evaluate(Model(), sintel, get_protocol("mmflow"), chosen)
    assert [result.name for result in results] == [pair.name for pair in chosen]


def test_a_mask_that_no_metric_looks_at_is_not_read(sintel: Dataset) -> None:
    for pair in sintel.pairs:
        assert pair.invalid is not None
        pair.invalid.write_bytes(b"no picture")
    results = list(evaluate(Model(), sintel, get_protocol("mmflow")))
    assert [type(result) for result in results] == [Record, Record, Record]


def test_a_frame_of_two_pairs_is_read_once(frames: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counting(path: Path) -> np.ndarray:
        read.append(path)
        return real(path)

    real = runner_module.read_image
    monkeypatch.setattr(runner_module, "read_image", counting)
    list(evaluate(Model(), frames, get_protocol("mmflow")))
    assert len(read) == len(set(read)) == 10


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the pairs that reading has begun of."""
    begun: list[str] = []
    real = runner_module._read

    def noting(pair: Pair, *rest: Any) -> Any:
        begun.append(pair.name)
        return real(pair, *rest)

    monkeypatch.setattr(runner_module, "_read", noting)
    return begun


def test_the_next_pairs_are_read_while_the_network_computes(frames: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = reads(monkeypatch)
    ahead = []

    def before(call: int) -> None:
        wanted = min(call + runner_module.READ_AHEAD, 9)
        deadline = threading.Event()
        for _ in range(100 * TIMEOUT_S):
            if len(begun) >= wanted:
                break
            deadline.wait(0.01)
        ahead.append(len(begun) - call)

    list(evaluate(Model(before), frames, get_protocol("mmflow")))
    # Some are read ahead, never more than the bound: the pair of this call, and those behind it.
    assert ahead == [3, 3, 3, 3, 3, 3, 3, 2, 1]


def test_scores_are_made_while_the_network_computes(frames: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    scored = [threading.Event() for _ in frames.pairs]
    waiting = iter(scored)
    real = Rules.score

    def noting(*args: Any, **masks: Any) -> Any:
        found = real(*args, **masks)
        next(waiting).set()
        return found

    monkeypatch.setattr(Rules, "score", noting)
    overlapped = []

    def before(call: int) -> None:
        if call:
            overlapped.append(scored[call - 1].wait(TIMEOUT_S))

    results = list(evaluate(Model(before), frames, get_protocol("mmflow")))
    assert len(results) == 9
    assert overlapped == [True] * 8


def test_slow_scores_hold_the_network_up(frames: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: no more flows than SCORED_BEHIND wait to be scored."""
    gate = threading.Event()
    real = Rules.score

    def slow(*args: Any, **masks: Any) -> Any:
        assert gate.wait(TIMEOUT_S)
        return real(*args, **masks)

    monkeypatch.setattr(Rules, "score", slow)
    calls = []

    def before(call: int) -> None:
        calls.append(call)
        if call == runner_module.SCORED_BEHIND:
            threading.Timer(0.3, lambda: (counts.append(len(calls)), gate.set())).start()

    counts: list[int] = []
    list(evaluate(Model(before), frames, get_protocol("mmflow")))
    assert counts == [runner_module.SCORED_BEHIND + 1]
    assert len(calls) == 9


def test_a_failed_pair_does_not_end_it(kitti: Dataset) -> None:
    kitti.pairs[1].image2.write_bytes(b"no picture")
    results = list(evaluate(Model(), kitti, get_protocol("mmflow")))
    assert [type(result) for result in results] == [Record, Failure, Record]
    assert isinstance(results[1], Failure)
    assert results[1].name == kitti.pairs[1].name
    assert isinstance(results[1].error, ImageError)
    assert str(kitti.pairs[1].image2) in str(results[1].error)


@pytest.mark.parametrize("error", [PermissionError("no"), MemoryError()])
def test_the_system_may_fail_a_pair(error: Exception, kitti: Dataset) -> None:
    def before(call: int) -> None:
        if call == 0:
            raise error

    class Once(Model):
        def __call__(self, image1: np.ndarray, image2: np.ndarray, *, size_rule: str) -> np.ndarray:
            try:
                return super().__call__(image1, image2, size_rule=size_rule)
            finally:
                self.rules.append("one call more")

    results = list(evaluate(Once(before), kitti, get_protocol("mmflow")))
    assert results[0] == Failure(kitti.pairs[0].name, error)
    assert [type(result) for result in results] == [Failure, Record, Record]


def test_a_flow_that_is_not_finite_is_a_failure(kitti: Dataset) -> None:
    class Broken(Model):
        def __call__(self, image1: np.ndarray, image2: np.ndarray, *, size_rule: str) -> np.ndarray:
            flow = super().__call__(image1, image2, size_rule=size_rule)
            # (0, 0) is unknown in KITTI's tree, so only the second call's flow is at fault.
            flow[(0, 0) if len(self.rules) == 1 else (3, 3)] = np.nan if len(self.rules) < 3 else 1
            return flow

    results = list(evaluate(Broken(), kitti, get_protocol("mmflow")))
    assert [type(result) for result in results] == [Record, Failure, Record]
    assert isinstance(results[1], Failure)
    assert isinstance(results[1].error, InputError)
    assert "not finite at 1 of 95" in str(results[1].error)


def test_a_missing_package_ends_it_and_names_the_pair(kitti: Dataset) -> None:
    def before(call: int) -> None:
        if call == 1:
            raise UnavailableError("install something")

    results = evaluate(Model(before), kitti, get_protocol("mmflow"))
    with pytest.raises(UnavailableError, match=f"{kitti.pairs[1].name}: install something"):
        list(results)
    assert threads() == []


@pytest.mark.parametrize("where", ["reader", "network", "scorer"])
def test_a_bug_ends_it_and_names_the_pair(where: str, kitti: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise KeyError("a bug")

    if where == "reader":
        monkeypatch.setattr(Pair, "truth", fail)
    if where == "scorer":
        monkeypatch.setattr(Rules, "score", fail)
    model = fail if where == "network" else Model()
    with pytest.raises(RuntimeError, match=f"{kitti.pairs[0].name}: KeyError") as caught:
        list(evaluate(model, kitti, get_protocol("mmflow")))
    assert isinstance(caught.value.__cause__, KeyError)
    assert threads() == []


def test_closing_it_stops_the_threads(frames: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = reads(monkeypatch)
    results = evaluate(Model(), frames, get_protocol("mmflow"))
    next(results)
    assert threads() != []
    results.close()
    assert threads() == []
    assert len(begun) < 9


def test_ctrl_c_stops_the_threads(frames: Dataset) -> None:
    def before(call: int) -> None:
        if call == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(evaluate(Model(before), frames, get_protocol("mmflow")))
    assert threads() == []


def test_pairs_without_truth_are_refused_at_once(kitti: Dataset) -> None:
    blind = replace(kitti, pairs=[replace(kitti.pairs[0], flow=None)])
    with pytest.raises(DatasetError, match=r"kitti2015.*000000_10 has no true flow"):
        evaluate(Model(), blind, get_protocol("mmflow"))
