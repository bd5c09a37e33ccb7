# SPDX-License-Identifier: Apache-2.0
"""What the tests of the repository read: its files, and the imports of its modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "flownet2"

SOURCE_FOLDERS = ("src", "csrc", "tests", "benchmarks", "docs", ".ci", "examples")
WEB_SUFFIXES = {".html", ".css", ".js"}
CODE_SUFFIXES = {".py", ".pyi", ".cpp", ".hpp", ".h", ".c", ".S", ".inl", ".def", ".cmake", ".sh"} | WEB_SUFFIXES
TEXT_SUFFIXES = CODE_SUFFIXES | {".in", ".txt", ".md", ".toml"}


@dataclass(frozen=True)
class Import:
    """One import of a module: who imports what, where, and whether it runs when the importer is imported."""

    importer: str
    target: str
    line: int
    at_import: bool


def module_name(path: Path) -> str:
    """`flownet2.io.flo` for src/flownet2/io/flo.py."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    """All Python modules of the package, by name."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str, path: Path) -> Iterator[Import]:
    """The imports of one module; those for type checkers only are left out."""

    def walk(node: ast.AST, at_import: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(name, alias.name, child.lineno, at_import)
            elif isinstance(child, ast.ImportFrom):
                for alias in child.names:
                    yield Import(name, _target(name, path, child, alias.name), child.lineno, at_import)
            else:
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                yield from walk(child, at_import and not function)

    yield from walk(ast.parse(path.read_text("utf-8"), str(path)), at_import=True)


def _target(name: str, path: Path, node: ast.ImportFrom, alias: str) -> str:
    """The full name that `from X import alias` brings in; whether alias is a module does not matter here."""
    base = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    prefix = base[: len(base) - node.level + 1] if node.level else []
    return ".".join([*prefix, *((node.module or "").split(".") if node.module else []), alias])


def all_imports() -> list[Import]:
    """Every import in the package."""
    return [found for name, path in modules().items() for found in imports(name, path)]


def text_files() -> list[Path]:
    """The text files that people write: code, build files, documents."""
    found = [path for folder in SOURCE_FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in TEXT_SUFFIXES]
    found += [path for path in ROOT.iterdir() if path.suffix in TEXT_SUFFIXES or path.name in {"Makefile", "NOTICE"}]
    return sorted(path for path in found if path.is_file() and (ROOT / "tests" / "data") not in path.parents)
