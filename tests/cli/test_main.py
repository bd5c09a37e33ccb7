# SPDX-License-Identifier: Apache-2.0
"""The command as a whole: versions, help, exit codes, pipes, a missing stdin."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flownet2
from flownet2 import cli
from flownet2.builtin import MODELS
from flownet2.weights import load_model, write_model, write_safetensors

NAMES = [cli.command_name(module) for module in cli.COMMANDS]
SCRIPT = Path(sysconfig.get_path("scripts")) / ("flownet2.exe" if sys.platform == "win32" else "flownet2")
PYTHON_M = [sys.executable, "-m", "flownet2"]


def call(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize("command", [PYTHON_M, [str(SCRIPT)]], ids=["python -m", "script"])
def test_version(command: list[str]) -> None:
    done = call([*command, "--version"])
    assert (done.returncode, done.stdout, done.stderr) == (0, f"flownet2 {flownet2.__version__}\n", "")


@pytest.mark.parametrize("command", [PYTHON_M, [str(SCRIPT)]], ids=["python -m", "script"])
def test_cmake_dir(command: list[str]) -> None:
    done = call([*command, "--cmake-dir"])
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{flownet2.get_cmake_dir()}\n", "")
    assert Path(done.stdout[:-1], "flownet2-config.cmake").is_file()


def test_cmake_dir_of_an_editable_install(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources, installed = tmp_path / "sources", tmp_path / "in stalled"
    monkeypatch.setattr(flownet2, "__path__", [str(sources), str(installed)])
    code, out, err = run("--cmake-dir")
    assert (code, out) == (1, "")
    assert str(sources) in err
    assert "built with FLOWNET2_INSTALL=OFF" in err
    folder = installed / "lib" / "cmake" / "flownet2"
    folder.mkdir(parents=True)
    (folder / "flownet2-config.cmake").touch()
    assert run("--cmake-dir") == (0, f"{folder}\n", "")


def test_commands() -> None:
    assert " ".join(NAMES) == ("infer viz eval compare submit models download import convert info check bench demo")


def test_help_lists_every_command(run: Any) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for name, module in zip(NAMES, cli.COMMANDS, strict=True):
        assert any(line.split() == [name, *module.HELP.split()] for line in out.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_help_teaches(run: Any, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    examples = out.partition("\nexamples:\n")[2]
    assert examples.count(f"flownet2 {name}") >= 3
    assert all(len(line) <= 80 for line in examples.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_examples_name_real_options(run: Any, name: str) -> None:
    parser_text = run(name, "--help").out.partition("\nexamples:\n")
    for line in parser_text[2].splitlines():
        if line.strip().startswith(f"flownet2 {name}"):
            for word in line.split():
                if word.startswith("--"):
                    assert word in parser_text[0]


def test_no_command(run: Any) -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith("usage: flownet2 ")


@pytest.mark.parametrize(
    "words",
    ["unknown", "infer --unknown", "infer a b -o x.flo --max-flow -3", "viz a -o b.png --max-flow wide", "convert a"],
)
def test_what_argparse_refuses(run: Any, words: str) -> None:
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert "error: " in err


@pytest.mark.parametrize("count", ["0", "5000"])
def test_threads_out_of_range(run: Any, pair: Any, count: str) -> None:
    code, _, err = run("infer", *pair, "-o", "x.flo", "--threads", count)
    assert code == 1
    assert err == f"flownet2: error: count must be an integer from 1 to 1024, got {count}\n"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("flownet2", "flownet2 convert checkpoint.pth"),
        ("nowhere.pth", "nowhere.pth: No such file or directory"),
        ("empty.pth", "empty.pth: the file is empty"),
        (".", "folder"),
    ],
)
@pytest.mark.parametrize("command", ["infer", "info", "demo"])
def test_models_that_cannot_be_loaded(run: Any, pair: Any, command: str, model: str, message: str) -> None:
    Path("empty.pth").touch()
    words = {"infer": [*pair, "-o", "x.flo", "--model", model], "info": [model], "demo": ["--model", model]}
    code, out, err = run(command, *words[command])
    assert (code, out) == (1, "")
    assert err.startswith("flownet2: error: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_control_characters_in_names_are_shown(run: Any) -> None:
    code, _, err = run("info", "bad\x1b[31m\rname")
    assert code == 1
    assert "bad\\x1b[31m\\rname" in err
    name = "bad\x1b[2J\nname.pth"
    Path(name).write_bytes(b"hello")
    code, out, _ = run("check", name)
    assert code == 1
    assert out.startswith("bad\\x1b[2J\\nname.pth: cannot be read as a model: it is a text file")
    assert out.count("\n") == 1


def test_control_characters_in_files_are_shown(run: Any) -> None:
    """The facts of a model file, and the names of tensors, are whatever their writer liked."""
    model = dataclasses.replace(load_model(MODELS["flownet2-lite"]), info={"origin": "mine", "note": "\x1b[2Jgone"})
    write_model("model.safetensors", model)
    out = run("info", "model.safetensors").out
    assert "\\x1b[2Jgone" in out
    assert "\x1b" not in out
    write_safetensors("other.safetensors", {**model.parameters, "a\x1b[2J\nb": np.zeros(2, np.float32)}, {})
    code, _, err = run("info", "other.safetensors")
    assert code == 1
    assert "a\\x1b[2J\\nb (2,)" in err


def test_interrupt(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.info, "run", interrupted)
    assert run("info") == (130, "", "flownet2: error: interrupted\n")


def test_a_bug_is_not_hidden(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli.info, "run", broken)
    with pytest.raises(ZeroDivisionError):
        run("info")


def test_a_reader_that_goes_away() -> None:
    with subprocess.Popen([*PYTHON_M, "info", "--graph"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirection")
def test_without_standard_streams(tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m flownet2 info <&- >&- 2>&-'
    assert call(["sh", "-c", line], cwd=tmp_path).returncode == 0


def test_an_ascii_terminal(tmp_path: Path) -> None:
    (tmp_path / "fl\u00f6w.flo").write_bytes(b"PIEH")
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PATH": ""}
    done = call([*PYTHON_M, "check", "fl\u00f6w.flo"], cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "truncated" in done.stdout
    assert done.stderr == ""
