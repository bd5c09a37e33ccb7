# SPDX-License-Identifier: Apache-2.0
"""The public headers of the installed library, and what they declare as exported."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import flownet2

LIBRARY = Path(flownet2.get_cmake_dir()).parents[1] / "libflownet2.so"
INCLUDE = LIBRARY.parents[1] / "include"
HEADERS = sorted(path for path in (INCLUDE / "flownet2").iterdir())

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FUNCTION = re.compile(r"^FLOWNET2_API [^;{(]*?(\w+)\(", re.MULTILINE)
_CLASS = re.compile(r"^(?:class|struct) FLOWNET2_API (\w+)[^{;]*\{(.*?)^\};", re.MULTILINE | re.DOTALL)
_UNMARKED = re.compile(r"^(?!FLOWNET2_API|typedef)\w[\w:<>*& ]* (\w+)\([^;{]*\);", re.MULTILINE)
_MEMBER = re.compile(r"(~?\w+|operator\S+?)\(")


def functions_of(path: Path) -> list[str]:
    """Names of the functions that one header marks as exported."""
    return _FUNCTION.findall(_COMMENT.sub("", path.read_text("utf-8")))


def c_functions() -> set[str]:
    """Names of the functions of the C interface."""
    return set(functions_of(INCLUDE / "flownet2" / "flownet2.h"))


def cpp_functions() -> Counter[str]:
    """Qualified names of the functions and members of the C++ interface, with the number of their overloads."""
    found: Counter[str] = Counter()
    for path in HEADERS:
        if path.suffix == ".hpp":
            text = _text(path.name)
            found.update(f"flownet2::{name}" for name in functions_of(path))
            for name, body in _CLASS.findall(text):
                found.update(f"flownet2::{name}::{member}" for member in _members(body))
    return found


def unmarked_functions() -> list[str]:
    """Functions that are declared but neither inline nor exported: no program could link to them."""
    return [f"{path.name}: {name}" for path in HEADERS for name in _UNMARKED.findall(_text(path.name))]


def _members(body: str) -> list[str]:
    """What the library must define of a class: its member functions without a body and without `= default`."""
    flat = re.sub(r"\{[^{}]*\}", "{};", body.replace("= {}", ""))
    declared = [part for part in flat.split(";") if not part.rstrip().endswith(("{}", "= default", "= delete"))]
    return [found[1] for part in declared if (found := _MEMBER.search(part))]


def _text(name: str) -> str:
    return _COMMENT.sub("", (INCLUDE / "flownet2" / name).read_text("utf-8"))
