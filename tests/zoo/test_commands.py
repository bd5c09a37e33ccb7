# SPDX-License-Identifier: Apache-2.0
"""`flownet2 download`, `flownet2 import` and `flownet2.load`, in processes of their own where that matters."""

from __future__ import annotations

import io
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2 import zoo
from flownet2.errors import DownloadError, InputError, LicenseError
from flownet2.zoo.catalogue import BUILT_IN
from zoo.samples import row
from zoo.server import Answer, Server

DOWNLOAD = [sys.executable, "-m", "flownet2", "download", "tiny"]


@pytest.fixture
def listed(server: Server, catalogue: Callable[..., Path]) -> Server:
    """The server, whose checkpoint the catalogue lists as tiny, and under terms as strict."""
    url = server.url("/tiny.pth")
    catalogue(row(urls=[url]), row(name="strict", file="strict.pth", urls=[url], license="research"))
    return server


# A shell without job control starts its children with SIGINT ignored.
INTERRUPTIBLE = f"""
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[1:] = {DOWNLOAD[3:]!r}
runpy.run_module("flownet2", run_name="__main__", alter_sys=True)
"""


def spawn(**options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INTERRUPTIBLE]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def files(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_download(run: Any, listed: Server, home: Path) -> None:
    code, out, err = run("download", "tiny", "--float16")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"tiny: {home / 'models' / 'tiny.safetensors'}, 2.")
    assert run("download", "tiny") == (0, f"tiny is there: {home / 'models' / 'tiny.safetensors'}\n", "")
    assert "installed" in run("models", "--installed")[1]
    assert str(home) in run("models", "tiny")[1]
    assert "stored as       float16" in run("info", "tiny")[1]
    assert run("download", "tiny", "--force")[0] == 0
    assert "stored as       float32" in run("info", "tiny")[1]


def test_one_failure_does_not_stop_the_others(run: Any, listed: Server) -> None:
    code, out, err = run("download", "strict", "tiny")
    assert code == 1
    assert out.splitlines()[-1].startswith("tiny: ")
    assert err.startswith("flownet2: error: strict is under the Research: No business.")
    assert run("download", "tinny")[2] == (
        "flownet2: error: there is no model 'tinny' (did you mean 'tiny'?); flownet2 models lists all\n"
    )
    assert run("download", "tiny", "--timeout", "0")[0] == 2


def test_a_failed_download_tells_how_to_do_without(run: Any, listed: Server) -> None:
    listed.answers["/tiny.pth"] = [Answer(status=404)]
    code, _, err = run("download", "tiny")
    assert code == 1
    assert f"  {listed.url('/tiny.pth')}: HTTP 404 Not Found" in err.splitlines()
    assert "flownet2 import FILE --as tiny" in err


def test_the_archive_of_two_models_is_fetched_once(
    run: Any, server: Server, catalogue: Callable[..., Path], checkpoint: bytes, home: Path
) -> None:
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr("a.pth", checkpoint)
        zipped.writestr("b.pth", checkpoint)
    server.files["/all.zip"] = stream.getvalue()
    same = {"file": "all.zip", "urls": [server.url("/all.zip")]}
    catalogue(row(name="a", member="a.pth", **same), row(name="b", member="b.pth", **same))
    assert run("download", "a", "b")[0] == 0
    assert len(server.log) == 1
    assert files(home) == ["models/a.json", "models/a.safetensors", "models/b.json", "models/b.safetensors"]


def test_import(run: Any, listed: Server, home: Path, tmp_path: Path, checkpoint: bytes) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(checkpoint)
    code, out, err = run("import", path, "--as", "strict")
    assert (code, out, err.count("No business.")) == (1, "", 1)
    assert f"If you agree: flownet2 import {path} --as strict --accept-license" in err
    code, out, err = run("import", path, "--as", "strict", "--accept-license", "--bfloat16")
    assert (code, err) == (0, "")
    assert "No business." in out, "terms are shown even where they are accepted at once"
    assert listed.log == []
    assert "stored as       bfloat16" in run("info", "strict")[1]
    assert run("import", path, "--as", "strict")[1].count("No business.") == 0
    assert run("import", tmp_path / "gone.pth", "--as", "tiny")[2].endswith("gone.pth: No such file or directory\n")


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 1)])
def test_the_licence_is_asked_for_on_a_terminal(listed: Server, home: Path, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [*DOWNLOAD[:-1], "strict"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    assert process.returncode == code, shown
    assert shown.count(b"Do you agree?") == 1
    assert (home / "models" / "strict.safetensors").exists() == (code == 0)
    assert (home / "licenses" / "research.txt").exists() == (code == 0)


def test_ctrl_c_in_the_middle(listed: Server, home: Path, checkpoint: bytes) -> None:
    listed.answers["/tiny.pth"] = [Answer(stall=1 << 20), Answer()]
    with spawn() as process:
        part = home / "downloads" / "tiny.pth.part"
        give_up = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size == 1 << 20) and time.monotonic() < give_up:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "flownet2: error: interrupted\n")
    assert files(home) == ["downloads/tiny.pth.part", "downloads/tiny.pth.part.json"]
    done = subprocess.run(DOWNLOAD, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert listed.log == [("/tiny.pth", None), ("/tiny.pth", f"bytes={1 << 20}-")]
    assert files(home) == ["models/tiny.json", "models/tiny.safetensors"]


def test_a_killed_process_leaves_nothing_in_the_way(listed: Server, home: Path) -> None:
    listed.answers["/tiny.pth"] = [Answer(stall=1 << 20), Answer()]
    with spawn() as process:
        assert listed.stalled.wait(30)
        process.kill()
    done = subprocess.run(DOWNLOAD, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert zoo.installed(zoo.load_catalogue()["tiny"])


def test_two_processes_at_once(listed: Server, home: Path) -> None:
    listed.answers["/tiny.pth"] = [Answer(stall=1 << 20), Answer()]
    with spawn() as first:
        assert listed.stalled.wait(30)
        with spawn() as second:
            assert second.stdout is not None
            assert "another process has tiny.pth; waiting for it" in second.stdout.readline()
            first.send_signal(signal.SIGINT)
            first.communicate(timeout=30)
            second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (130, 0)
    assert len(listed.log) == 2, "the second goes on where the first one ended"
    assert files(home) == ["models/tiny.json", "models/tiny.safetensors"]


def test_the_second_process_takes_what_the_first_one_made(listed: Server, home: Path) -> None:
    listed.answers["/tiny.pth"] = [Answer(stall=4_000_000)]
    with spawn() as first:
        assert listed.stalled.wait(30)
        with spawn() as second:
            assert second.stdout is not None
            assert "waiting" in second.stdout.readline()
            listed.answers["/tiny.pth"] = [Answer()]
            listed.ending.set()  # the first one is cut, and goes on
            assert first.wait(60) == 0
            second.communicate(timeout=60)
        first.communicate()
    assert second.returncode == 0
    assert [asked is None for _, asked in listed.log] == [True, False], "one fetched it"


def test_a_file_that_may_not_grow(listed: Server, home: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with spawn(preexec_fn=limit) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "tiny.pth.part: File too large; what has come is kept" in err
    assert files(home) == ["downloads/tiny.pth.part", "downloads/tiny.pth.part.json"]
    done = subprocess.run(DOWNLOAD, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert listed.log[-1] == ("/tiny.pth", f"bytes={1 << 20}-")


def test_load_by_name(listed: Server, home: Path) -> None:
    with pytest.raises(InputError, match=r"not on this machine; get them with: flownet2 download tiny$"):
        flownet2.load("tiny")
    with pytest.raises(InputError, match="did you mean 'tiny'"):
        flownet2.load("tinny")
    assert listed.log == []
    zoo.download(zoo.load_catalogue()["tiny"])
    model = flownet2.load("tiny")
    frames = np.random.default_rng(0).integers(0, 255, (2, 40, 48, 3), np.uint8)
    assert model.info["model"] == "tiny"
    np.testing.assert_array_equal(model(*frames), flownet2.load()(*frames))


def test_load_downloads_only_where_it_is_allowed_to(listed: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWNET2_AUTO_DOWNLOAD", "1")
    assert flownet2.load("tiny").network == "flownet2-lite"
    assert len(listed.log) == 1
    with pytest.raises(LicenseError, match="flownet2 download strict --accept-license"):
        flownet2.load("strict")
    monkeypatch.setenv("FLOWNET2_OFFLINE", "1")
    zoo.accept(zoo.load_catalogue()["strict"].license)
    with pytest.raises(DownloadError, match="FLOWNET2_OFFLINE is set"):
        flownet2.load("strict")


def test_a_file_of_that_name_comes_first(
    listed: Server, home: Path, tmp_path: Path, checkpoint: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(checkpoint)
    assert flownet2.load("tiny").info["source"] == "tiny"
    with pytest.raises(FileNotFoundError):
        flownet2.load("folder/tiny")
    with pytest.raises(FileNotFoundError):
        flownet2.load(Path("tinny"))


def test_the_built_in_names_work_without_a_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("FLOWNET2_CATALOGUE", str(BUILT_IN))
    with pytest.raises(InputError, match="get them with: flownet2 download flownet2-things"):
        flownet2.load("flownet2-things")
    assert not home.exists()
