# SPDX-License-Identifier: Apache-2.0
"""`flownet2 eval` that was killed, interrupted, or runs twice: what is finished is kept, and computed once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import flownet2
from datasets import trees

PAIRS = 12

# Half a second for six pairs; a shell without job control starts its children with SIGINT ignored.
SLOW = """
import signal, sys, time
import flownet2
from flownet2.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
real = flownet2.FlowEstimator.__call__
def slow(self, *args, **options):
    time.sleep(0.08)
    return real(self, *args, **options)
flownet2.FlowEstimator.__call__ = slow
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWNET2_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "evaluations"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command line over twelve pairs."""
    root = trees.sintel(tmp_path / "sintel", {"alley_1": 8, "bamboo_2": 6})
    return ["eval", "sintel-clean", str(root), "--threads", "1", "--json", "all.json"]


def stop(words: list[str], home: Path, how: signal.Signals, cwd: Path, lines: int = 5) -> tuple[int, str]:
    """Runs slowly until the journal has `lines`, then sends a signal; exit code and stderr."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = list(home.glob("*.jsonl"))
            if found and found[0].read_bytes().count(b"\n") >= lines:
                break
            time.sleep(0.01)
        child.send_signal(how)
        _, err = child.communicate(timeout=60)
    return child.returncode, err


def numbers(path: str) -> Any:
    """What is in the file but times and dates."""
    content = json.loads(Path(path).read_text())
    del content["created"]
    for one in content["runs"]:
        del one["evaluation_seconds"], one["pairs_per_second"]
        for picture in one["pictures"]:
            del picture["seconds"]
    return content


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for every call of a network in this process."""
    found: list[None] = []
    real = flownet2.FlowEstimator.__call__

    def counting(self: Any, *args: Any, **options: Any) -> Any:
        found.append(None)
        return real(self, *args, **options)

    monkeypatch.setattr(flownet2.FlowEstimator, "__call__", counting)
    return found


def test_killed(run: Any, words: list[str], home: Path, calls: list[None], tmp_path: Path) -> None:
    code, _ = stop(words, home, signal.SIGKILL, tmp_path)
    assert code == -signal.SIGKILL
    (journal,) = home.iterdir()
    kept = journal.read_bytes().count(b"\n") - 1
    assert 4 <= kept < PAIRS
    with journal.open("ab") as file:
        file.write(b'{"height": 8, "na')  # what the kill may have cut short
    done = run(*words)
    assert (done.code, done.err) == (0, "")
    assert f"{kept} of {PAIRS} pairs were there already; --overwrite" in done.out
    assert len(calls) == PAIRS - kept
    resumed = numbers("all.json")
    assert list(home.iterdir()) == []
    assert run(*words).code == 0
    assert len(calls) == 2 * PAIRS - kept
    assert numbers("all.json") == resumed


def test_ctrl_c(run: Any, words: list[str], home: Path, calls: list[None], tmp_path: Path) -> None:
    code, err = stop(words, home, signal.SIGINT, tmp_path)
    assert code == 130
    (journal,) = home.iterdir()
    kept = journal.read_bytes().count(b"\n") - 1
    assert 4 <= kept < PAIRS
    assert f"interrupted: {kept} of {PAIRS} pairs of flownet2-lite are kept; the same command goes on" in err
    assert "Traceback" not in err
    assert not Path("all.json").exists()
    assert run(*words).code == 0
    assert len(calls) == PAIRS - kept


def test_overwrite(run: Any, words: list[str], home: Path, calls: list[None], tmp_path: Path) -> None:
    stop(words, home, signal.SIGKILL, tmp_path)
    (journal,) = home.iterdir()
    journal.write_bytes(b"rubbish\n" + journal.read_bytes())
    done = run(*words)
    assert done.code == 1
    assert f"{journal}, line 1" in done.err
    assert "--overwrite" in done.err
    assert calls == []
    assert run(*words, "--overwrite").code == 0
    assert len(calls) == PAIRS


@pytest.mark.parametrize(
    "other",
    [
        ("--protocol", "raft"),
        ("--limit", "11"),
        ("--precision", "bfloat16"),
        ("--executor", "numpy"),
        ("--threads", "2"),
    ],
)
def test_other_options_do_not_share(
    run: Any, words: list[str], home: Path, tmp_path: Path, other: tuple[str, str]
) -> None:
    stop(words, home, signal.SIGKILL, tmp_path, lines=2)
    done = run(*words, *other)
    assert done.code == 0
    assert "there already" not in done.out
    assert len(list(home.iterdir())) == 1  # that of the killed one


def test_two_at_once(run: Any, words: list[str], home: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW, *words], cwd=tmp_path, stdout=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 60
        while not list(home.glob("*.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.01)
        done = run(*words)
        assert child.wait(60) == 0
    assert done.code == 1
    assert "is in use" in done.err
    assert len(numbers("all.json")["runs"][0]["pictures"]) == PAIRS


def test_a_pair_that_the_data_set_lost(run: Any, words: list[str], home: Path, tmp_path: Path) -> None:
    stop(words, home, signal.SIGKILL, tmp_path)
    for kind in ("clean", "final", "flow", "occlusions", "invalid"):
        for path in (tmp_path / "sintel" / "training" / kind / "alley_1").iterdir():
            path.unlink()
        path.parent.rmdir()
    done = run(*words)
    assert done.code == 1
    assert "not in the data set" in done.err
    assert run(*words, "--overwrite").code == 0
