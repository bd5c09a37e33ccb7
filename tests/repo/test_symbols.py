# SPDX-License-Identifier: Apache-2.0
"""Files of instruction sets: each exports its table alone, runs nothing at load, has its flags from Isa.cmake.

A function that two such files export could be merged by the linker into the copy that this processor cannot run.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from repo.source_tree import ROOT

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
NEEDED = {name: shutil.which(name, path=PATH) for name in ("cmake", "nm", "c++")}
GENERATOR = ["-G", "Ninja"] if shutil.which("ninja", path=PATH) else []
pytestmark = pytest.mark.skipif(None in NEEDED.values(), reason=f"needs {', '.join(NEEDED)}")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """How CMake compiles each source; without optimisation, when most functions are left as symbols."""
    build = tmp_path_factory.mktemp("build")
    options = ["-DCMAKE_BUILD_TYPE=Debug", "-DFLOWNET2_PYTHON=OFF", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    run([NEEDED["cmake"], "-S", ROOT, "-B", build, *GENERATOR, *options])
    return json.loads((build / "compile_commands.json").read_text())


def run(command: list[Any], cwd: str | None = None) -> str:
    environment = {**os.environ, "PATH": PATH}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def isa_of(command: dict[str, Any]) -> str | None:
    match = re.fullmatch(r"isa_(\w+)\.cpp", Path(command["file"]).name)
    return match and match[1]


@functools.cache
def isa_sources() -> list[str]:
    return sorted(path.stem.removeprefix("isa_") for path in (ROOT / "csrc" / "cpu").glob("isa_*.cpp"))


@pytest.mark.parametrize("isa", isa_sources())
def test_one_exported_symbol(isa: str, commands: list[dict[str, Any]]) -> None:
    chosen = [command for command in commands if isa_of(command) == isa]
    if not chosen:
        pytest.skip(f"{isa} is not built for this processor")
    command = shlex.split(chosen[0]["command"])
    Path(chosen[0]["directory"], command[command.index("-o") + 1]).parent.mkdir(parents=True, exist_ok=True)
    run(command, chosen[0]["directory"])
    produced = Path(chosen[0]["directory"], command[command.index("-o") + 1])
    exported = run([NEEDED["nm"], "--extern-only", "--defined-only", produced]).splitlines()
    assert [line.split()[-1].split("8flownet2")[-1] for line in exported] == [f"{len(isa) + 8}{isa}_kernelsE"]
    assert "_GLOBAL__sub_I" not in run([NEEDED["nm"], produced])  # code that would run at load


def test_flags_of_instruction_sets_are_theirs_alone(commands: list[dict[str, Any]]) -> None:
    for command in commands:
        flags = [word for word in shlex.split(command["command"]) if word.startswith("-m")]
        assert bool(flags) == (isa_of(command) not in {None, "scalar"}), command["file"]


def test_only_one_file_names_such_flags() -> None:
    places = [ROOT / "CMakeLists.txt", *ROOT.glob("csrc/**/CMakeLists.txt"), *ROOT.glob("csrc/cmake/*.cmake")]
    assert [path.name for path in places if re.search(r"-m(avx|fma|arch|sse)", path.read_text())] == ["Isa.cmake"]
