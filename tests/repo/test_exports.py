# SPDX-License-Identifier: Apache-2.0
"""The installed library exports what the public headers declare, and nothing else; the Python module one function."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import flownet2
from flownet2 import _core
from repo.public_headers import HEADERS, INCLUDE, LIBRARY, c_functions, cpp_functions, unmarked_functions

LARGEST_BYTES = 3 * 2**20
COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)] or ["c++"]
PARTS = ("MAJOR", "MINOR", "PATCH")
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
# std::terminate is what `noexcept` means; no name here calls it.
PRINTS_OR_ENDS = re.compile(
    r"(__)?(v?f?printf|puts|f?putc(har)?|fputs|fwrite|write|perror|syslog)(_chk)?|std::(cout|cerr|clog|wc\w+)|"
    r"abort|_?exit|_Exit|quick_exit|raise|kill|signal|sigaction"
)
# The standard library's headers: without a suffix, or C's. And our own.
ALLOWED_INCLUDES = re.compile(r"<([a-z_]+|std[a-z]+\.h|flownet2/\w+\.hp?p?)>")


def exported(path: Path, *, demangled: bool = False) -> set[str]:
    """Symbols that a shared library defines for others; demangled, the several of one constructor are one."""
    options = ["--demangle"] if demangled else []
    command = ["nm", "--dynamic", "--extern-only", "--defined-only", *options, str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split(maxsplit=2)[2] for line in lines}


def qualified(symbol: str) -> str:
    """`flownet2::Model::flow` of a demangled function."""
    return symbol.partition("(")[0].replace("[abi:cxx11]", "")


def test_the_c_interface() -> None:
    assert {name for name in exported(LIBRARY) if not name.startswith("_Z")} == c_functions()


def test_the_cpp_interface() -> None:
    symbols = exported(LIBRARY, demangled=True) - c_functions()
    functions = {symbol for symbol in symbols if "(" in symbol}
    assert Counter(map(qualified, functions)) == cpp_functions()
    kinds = ("typeinfo for", "typeinfo name for", "vtable for")
    assert symbols - functions == {f"{kind} flownet2::Error" for kind in kinds}


def test_what_is_declared_can_be_linked_to() -> None:
    assert unmarked_functions() == []


def test_the_python_module() -> None:
    assert exported(Path(_core.__file__)) == {"PyInit__core"}


def test_the_library_never_prints_and_never_ends_the_process() -> None:
    command = ["nm", "--dynamic", "--undefined-only", "--demangle", str(LIBRARY)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    used = {re.sub(r"@.*|\(.*", "", line.split(maxsplit=1)[1]) for line in lines if len(line.split()) > 1}
    assert "memcpy" in used or "memmove" in used
    assert [name for name in used if PRINTS_OR_ENDS.fullmatch(name)] == []


def test_size_of_the_library(tmp_path: Path) -> None:
    subprocess.run(["strip", "-o", tmp_path / "stripped.so", LIBRARY], check=True)
    assert (tmp_path / "stripped.so").stat().st_size < LARGEST_BYTES


def test_headers_include_the_standard_library_and_each_other() -> None:
    found = [(path.name, what) for path in HEADERS for what in re.findall(r"#\s*include\s*(.+)", path.read_text())]
    assert len(found) > len(HEADERS)
    assert [row for row in found if not ALLOWED_INCLUDES.fullmatch(row[1])] == []


def test_version_macros() -> None:
    text = (INCLUDE / "flownet2" / "version.h").read_text()
    numbers = [re.search(rf"^#define FLOWNET2_VERSION_{part} (.*)$", text, re.M)[1] for part in PARTS]
    assert ".".join(numbers) == flownet2.__version__
    assert f'#define FLOWNET2_VERSION "{flownet2.__version__}"\n' in text


def standards(path: Path) -> list[list[str]]:
    """The languages in which a header can be used."""
    return [["c++", "-std=c++17"], *([["c", "-std=c11"], ["c", "-std=c99"]] if path.suffix == ".h" else [])]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("path", HEADERS, ids=lambda path: path.name)
def test_headers_stand_alone(compiler: str, path: Path) -> None:
    for language, standard in standards(path):
        # Included rather than compiled itself: `#pragma once` in a main file is a warning.
        command = [compiler, "-x", language, standard, *WARNINGS, f"-I{INCLUDE}", "-fsyntax-only", "-"]
        code = f"#include <flownet2/{path.name}>\nint main(void) {{ return 0; }}\n"
        done = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
