# SPDX-License-Identifier: Apache-2.0
"""The shared library flownet2_cuda exports the launchers alone, and needs no library of CUDA; nor do its headers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from repo.public_headers import functions_of
from repo.source_tree import ROOT
from repo.test_exports import COMPILERS, WARNINGS, exported, qualified

PREFIX = Path(os.environ["FLOWNET2_CUDA_LIBRARY"])
LIBRARY = next(PREFIX.glob("lib*/libflownet2_cuda.so"))
UMBRELLA = PREFIX / "include" / "flownet2" / "cuda.hpp"
HEADERS = sorted((PREFIX / "include" / "flownet2" / "cuda").iterdir())


def test_all_headers_are_installed() -> None:
    assert [path.name for path in HEADERS] == sorted(
        path.name for path in (ROOT / "csrc" / "include" / "flownet2" / "cuda").iterdir()
    )
    assert len(HEADERS) > 5


def test_the_umbrella_has_all() -> None:
    included = re.findall(r"#include <flownet2/cuda/(\w+\.hpp)>", UMBRELLA.read_text("utf-8"))
    assert included == [path.name for path in HEADERS]


def test_it_exports_the_launchers() -> None:
    declared = sorted(f"flownet2::cuda::{name}" for path in HEADERS for name in functions_of(path))
    assert sorted(map(qualified, exported(LIBRARY, demangled=True))) == declared


def test_every_launcher_is_called_by_the_consumer() -> None:
    program = (ROOT / "tests" / "embed" / "cuda" / "launchers.cpp").read_text("utf-8")
    launchers = {name for path in HEADERS for name in functions_of(path)}
    assert launchers <= set(re.findall(r"cuda::(\w+)\(", program))


def test_it_needs_no_library_of_cuda() -> None:
    listing = subprocess.run(["readelf", "-d", LIBRARY], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", listing)
    assert any(name.startswith("libflownet2.so") for name in needed)
    assert [name for name in needed if re.match(r"libcu|libnv", name)] == []


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("path", [UMBRELLA, *HEADERS], ids=lambda path: path.name)
def test_headers_stand_alone(compiler: str, path: Path) -> None:
    include = PREFIX / "include"
    command = [compiler, "-x", "c++", "-std=c++17", *WARNINGS, f"-I{include}", "-fsyntax-only", "-"]
    code = f"#include <{path.relative_to(include)}>\nint main() {{ return 0; }}\n"
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
