# SPDX-License-Identifier: Apache-2.0
"""Downloads from servers that misbehave: what is installed is right, and nothing broken stays."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flownet2 import zoo
from flownet2.errors import CheckpointError, DownloadError, InputError, LicenseError, UnavailableError, WeightsError
from flownet2.weights import load_model
from weights.builders import state_dict
from zoo.samples import Notes, assert_installed, left_over
from zoo.server import Answer, Server


def test_download(tiny: Any, home: Path, checkpoint: bytes, server: Server) -> None:
    entry = tiny(training_data="some pairs")
    path = zoo.download(entry)
    assert path == home / "models" / "tiny.safetensors"
    assert_installed(home, checkpoint)
    info = load_model(path).info
    assert info["training_data"] == "some pairs"
    assert info["license"] == "Free (https://example.org/free)"
    assert info["source"] == "tiny.pth"
    assert info["source_url"] == server.url("/tiny.pth")
    assert zoo.download(entry) == path
    assert server.log == [("/tiny.pth", None)], "what is there is not fetched again"


@pytest.mark.parametrize(("dtype", "stored"), [("float16", "float16"), ("bfloat16", "bfloat16")])
def test_stored_as(tiny: Any, dtype: str, stored: str) -> None:
    assert load_model(zoo.download(tiny(), dtype=dtype)).stored == stored


def test_keep_and_replace(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    zoo.download(tiny(), keep=True)
    assert left_over(home) == ["tiny.pth"]
    zoo.download(tiny(), replace=True, dtype="float16")
    assert len(server.log) == 1, "the file that was kept is used"
    assert load_model(zoo.model_file(tiny())).stored == "float16"
    assert left_over(home) == []


def test_resume_after_a_cut_connection(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/tiny.pth"] = [Answer(cut=1_000_000), Answer(cut=500_000), Answer()]
    zoo.download(tiny())
    assert [asked for _, asked in server.log] == [None, "bytes=1000000-", "bytes=1500000-"]
    assert_installed(home, checkpoint)


def test_resume_by_a_later_call(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/tiny.pth"] = [Answer(cut=1_000_000)]
    with pytest.raises(DownloadError, match="the connection ended early"):
        zoo.download(tiny())
    assert left_over(home) == ["tiny.pth.part", "tiny.pth.part.json"]
    kept = (home / "downloads" / "tiny.pth.part").stat().st_size
    assert kept == 3_000_000, "three tries, each of a million bytes"
    server.answers["/tiny.pth"] = [Answer()]
    zoo.download(tiny())
    assert server.log[-1] == ("/tiny.pth", "bytes=3000000-")
    assert_installed(home, checkpoint)


@pytest.mark.parametrize("answer", [Answer(ranges=False), Answer(etag='"second"'), Answer(etag="")])
def test_a_server_that_cannot_resume(tiny: Any, home: Path, server: Server, checkpoint: bytes, answer: Answer) -> None:
    server.answers["/tiny.pth"] = [Answer(cut=1_000_000, etag=answer.etag and '"first"', ranges=answer.ranges), answer]
    zoo.download(tiny())
    assert_installed(home, checkpoint)


def test_parts_of_two_versions_are_not_joined(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/tiny.pth"] = [
        Answer(cut=1_000_000, etag='"old"', body=b"x" * len(checkpoint)),
        Answer(etag='"new"'),
    ]
    zoo.download(tiny())
    assert_installed(home, checkpoint)


def test_a_broken_state_file_begins_anew(tiny: Any, home: Path, checkpoint: bytes, server: Server) -> None:
    (home / "downloads").mkdir(parents=True)
    (home / "downloads" / "tiny.pth.part").write_bytes(b"nonsense")
    (home / "downloads" / "tiny.pth.part.json").write_text('{"url": 3}')
    zoo.download(tiny())
    assert server.log == [("/tiny.pth", None)]
    assert_installed(home, checkpoint)


def test_a_part_that_is_whole_is_not_asked_for(tiny: Any, home: Path, checkpoint: bytes, server: Server) -> None:
    (home / "downloads").mkdir(parents=True)
    (home / "downloads" / "tiny.pth.part").write_bytes(checkpoint)
    state = {"url": server.url("/tiny.pth"), "validator": '"first"', "total": len(checkpoint)}
    (home / "downloads" / "tiny.pth.part.json").write_text(json.dumps(state))
    zoo.download(tiny())
    assert server.log == []
    assert_installed(home, checkpoint)


def test_without_a_length(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/tiny.pth"] = [Answer(length=False)]
    zoo.download(tiny())
    assert_installed(home, checkpoint)


def test_redirect(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/here"] = [Answer(status=302, location="/tiny.pth")]
    zoo.download(tiny(urls=["/here"]))
    assert [path for path, _ in server.log] == ["/here", "/tiny.pth"]
    assert_installed(home, checkpoint)


def test_mirrors_in_order(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/page"] = [Answer(kind="text/html; charset=utf-8", body=b"<html>sign in</html>")]
    server.files["/false.pth"] = checkpoint[:-1] + b"?"
    digest = hashlib.sha256(checkpoint).hexdigest()
    zoo.download(tiny(urls=["/gone.pth", "/page", "/false.pth", "/tiny.pth", "/never"], sha256=digest))
    assert [path for path, _ in server.log] == ["/gone.pth", "/page", "/false.pth", "/tiny.pth"]
    assert_installed(home, checkpoint)


def test_a_mirror_does_not_go_on_with_bytes_of_another(
    tiny: Any, home: Path, server: Server, checkpoint: bytes
) -> None:
    server.files["/other.pth"] = b"x" * len(checkpoint)
    server.answers["/other.pth"] = [Answer(cut=1_000_000), Answer(status=500)]
    zoo.download(tiny(urls=["/other.pth", "/tiny.pth"]))
    assert server.log == [
        ("/other.pth", None),
        ("/other.pth", "bytes=1000000-"),
        ("/other.pth", None),
        ("/tiny.pth", None),
    ]
    assert_installed(home, checkpoint)


def test_a_redirect_away_from_https_is_not_followed_to_its_end(
    tiny: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    get = requests.Session.get
    monkeypatch.setattr(  # what a server with a certificate would answer
        requests.Session, "get", lambda self, url, **options: get(self, server.url("/tiny.pth"), **options)
    )
    with pytest.raises(DownloadError, match=r"it leads to http://127\.0\.0\.1:\d+/tiny\.pth, which is not https"):
        zoo.download(tiny(urls=["https://example.org/tiny.pth"]))


def test_a_failure_lists_what_was_tried(tiny: Any, home: Path, server: Server) -> None:
    server.answers["/busy"] = [Answer(status=503)]
    server.answers["/page"] = [Answer(kind="text/html", body=b"<html>")]
    server.answers["/round"] = [Answer(status=302, location="/round")]
    entry = tiny(
        urls=["/gone.pth", "/busy", "/page", "/round", "/tiny.pth", "http://127.0.0.1:1/tiny.pth"], sha256="0" * 64
    )
    with pytest.raises(DownloadError) as caught:
        zoo.download(entry)
    lines = str(caught.value).splitlines()
    assert lines[0] == "tiny cannot be downloaded:"
    for url, reason in zip(
        entry.urls,
        ("HTTP 404", "HTTP 503", "a web page", "too many redirects", f"not {'0' * 64}, which is published", "refused"),
        strict=True,
    ):
        (line,) = [line for line in lines if line.startswith(f"  {url}: ")]
        assert reason in line
    assert lines[-1].endswith("tiny.pth, linked at https://example.org/page, then flownet2 import FILE --as tiny")
    assert left_over(home) == []
    assert not zoo.installed(entry)


def test_wrong_first_digits(tiny: Any, home: Path, checkpoint: bytes) -> None:
    with pytest.raises(DownloadError, match="should begin with 00000000 by its name"):
        zoo.download(tiny(sha256_prefix="0" * 8))
    assert left_over(home) == []
    zoo.download(tiny(sha256_prefix=hashlib.sha256(checkpoint).hexdigest()[:8]))
    assert_installed(home, checkpoint)


def test_a_changed_file_is_refused(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    path = zoo.download(tiny())
    before = path.read_bytes()
    server.files["/tiny.pth"] = state_dict({"other": np.zeros(3, np.float32)})
    with pytest.raises(DownloadError, match=r"which the first one had; if you trust the new file, delete .*tiny\.json"):
        zoo.download(tiny(), replace=True)
    assert path.read_bytes() == before
    path.unlink()
    with pytest.raises(DownloadError, match="which the first one had"):
        zoo.download(tiny())
    (home / "models" / "tiny.json").write_text("{}")
    with pytest.raises(InputError, match=r"tiny\.json is damaged"):
        zoo.download(tiny())
    server.files["/tiny.pth"] = checkpoint
    (home / "models" / "tiny.json").unlink()
    zoo.download(tiny())
    assert_installed(home, checkpoint)


@pytest.mark.parametrize(
    ("body", "error"), [(b"not a checkpoint at all", CheckpointError), (b"", CheckpointError), (None, WeightsError)]
)
def test_what_is_no_checkpoint_does_not_stay(
    tiny: Any, home: Path, server: Server, checkpoint: bytes, body: bytes | None, error: type[Exception]
) -> None:
    wrong = state_dict({"other": np.zeros(3, np.float32)}) if body is None else body
    server.answers["/tiny.pth"] = [Answer(body=wrong), Answer()]
    with pytest.raises(error):
        zoo.download(tiny())
    assert left_over(home) == []
    assert not (home / "models").exists()
    zoo.download(tiny())
    assert_installed(home, checkpoint)


def test_a_slow_server(tiny: Any, home: Path, server: Server, checkpoint: bytes) -> None:
    server.answers["/silent"] = [Answer(stall=0)]
    server.answers["/tiny.pth"] = [Answer(stall=1 << 20), Answer()]
    notes = Notes()
    zoo.download(tiny(urls=["/silent", "/tiny.pth"]), timeout=0.3, watcher=notes)
    assert "the server fell silent; going on" in notes.texts
    assert [asked for _, asked in server.log] == [None, None, f"bytes={1 << 20}-"]
    assert_installed(home, checkpoint)


def test_progress_is_told(tiny: Any, checkpoint: bytes, server: Server) -> None:
    notes = Notes()
    zoo.download(tiny(), watcher=notes)
    size = len(checkpoint)
    assert notes.done[-1] == (size, size)
    assert notes.done == sorted(notes.done)
    assert notes.texts == [f"tiny from {server.url('/tiny.pth')}"]


def test_offline(tiny: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWNET2_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"(?s)not asked: FLOWNET2_OFFLINE is set.*flownet2 import FILE --as tiny"):
        zoo.download(tiny())
    monkeypatch.setenv("FLOWNET2_OFFLINE", "perhaps")
    with pytest.raises(InputError, match="FLOWNET2_OFFLINE must be 1 or 0"):
        zoo.download(tiny())
    assert server.log == []


def test_a_proxy_of_the_environment(
    tiny: Any, home: Path, server: Server, checkpoint: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url(""))
    server.files["http://weights.invalid/tiny.pth"] = checkpoint  # a proxy is asked for the whole address
    zoo.download(tiny(urls=["http://weights.invalid/tiny.pth"]))
    assert_installed(home, checkpoint)


def test_no_space_is_told_before(tiny: Any, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(home.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=6_000_000))
    with pytest.raises(OSError, match="10 MB are needed and 6 MB are free; make room, or let FLOWNET2_HOME") as caught:
        zoo.download(tiny(urls=["/tiny.pth", "/other"]))
    assert caught.value.errno == errno.ENOSPC
    assert len(server.log) == 1, "another mirror does not help"
    assert left_over(home) == []


def test_a_disk_that_fills_in_the_middle(
    tiny: Any, home: Path, server: Server, checkpoint: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(Notes):
        def progress(self, done: int, total: int | None) -> None:
            if done > 1_000_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="what has come is kept") as caught:
        zoo.download(tiny(), watcher=Full())
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(home / "downloads" / "tiny.pth.part")
    assert left_over(home) == ["tiny.pth.part", "tiny.pth.part.json"]
    zoo.download(tiny())
    assert server.log[-1][1] is not None
    assert_installed(home, checkpoint)


def test_a_home_that_cannot_be_written(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        (tmp_path / "home").mkdir(mode=0o500)
        wanted: type[OSError] = PermissionError
    else:  # whom no mode stops
        (tmp_path / "home").write_text("a file")
        wanted = NotADirectoryError
    with pytest.raises(wanted, match="FLOWNET2_HOME can name another folder"):
        zoo.download(tiny())


def test_without_pooch(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(UnavailableError, match=r'pip install "flownet2\[zoo\]"'):
        zoo.download(tiny())


def test_an_origin_that_is_not_read(tiny: Any, server: Server) -> None:
    with pytest.raises(InputError, match="does not read nobody's flownet2-lite yet"):
        zoo.download(tiny(origin="nobody"))
    assert server.log == []


def test_weights_of_another_origin(tiny: Any, home: Path, server: Server) -> None:
    with pytest.raises(InputError, match=r"no known origin|does not read"):
        zoo.download(tiny(origin="mmflow"))
    with pytest.raises(WeightsError):
        zoo.download(tiny(network="flownets"))
    assert left_over(home) == []


def test_a_license_is_accepted_once(tiny: Any, server: Server, home: Path) -> None:
    entry = tiny(license="research")
    assert not zoo.accepted(entry.license)
    with pytest.raises(LicenseError, match=r"No business.*flownet2 download tiny --accept-license"):
        zoo.download(entry)
    assert server.log == []
    zoo.accept(entry.license)
    assert zoo.accepted(entry.license)
    zoo.download(entry)
    (home / "licenses" / "research.txt").write_text("other terms")
    assert not zoo.accepted(entry.license), "terms that have changed are asked for again"
