# SPDX-License-Identifier: Apache-2.0
"""pyproject.toml, CMake and the installed package tell the same story."""

from __future__ import annotations

import re
from importlib import metadata

import flownet2
from repo.source_tree import PACKAGE, ROOT

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
EXTRAS = {"cli", "hdf5", "zoo", "cuda12", "cuda13", "cudnn13"}

PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def field(pattern: str, text: str) -> str:
    """The first group of the only match. Python 3.10 has no TOML reader, and these lines are simple."""
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1
    return found[0]


def test_one_version_everywhere() -> None:
    versions = {
        "pyproject.toml": field(r'^version = "([^"]+)"$', PYPROJECT),
        "csrc/CMakeLists.txt": field(
            r"^project\(flownet2 VERSION ([\d.]+)", (ROOT / "csrc" / "CMakeLists.txt").read_text("utf-8")
        ),
        "installed metadata": metadata.version("flownet2"),
        "flownet2.__version__": flownet2.__version__,
        "flownet2._core": flownet2.build_info()["version"],
    }
    assert len(set(versions.values())) == 1, versions


def test_the_changelog_knows_this_version() -> None:
    heading = re.compile(rf"^## \[({re.escape(flownet2.__version__)}|Unreleased)\]", re.MULTILINE)
    assert heading.search((ROOT / "CHANGELOG.md").read_text("utf-8"))


def test_numpy_is_the_only_dependency() -> None:
    required = [line for line in metadata.requires("flownet2") or [] if "extra ==" not in line]
    assert [re.match(r"[\w-]+", line)[0] for line in required] == ["numpy"]


def test_the_extras_are_the_agreed_ones() -> None:
    assert set(metadata.metadata("flownet2").get_all("Provides-Extra")) == EXTRAS


def test_supported_pythons() -> None:
    stated = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
    assert tuple(stated) == PYTHONS
    assert field(r'^requires-python = "([^"]+)"$', PYPROJECT) == f">={PYTHONS[0]}"


def test_licence_files_are_installed() -> None:
    assert metadata.metadata("flownet2")["License-Expression"] == "Apache-2.0"
    assert metadata.metadata("flownet2").get_all("License-File") == ["LICENSE", "NOTICE"]
    assert "Blender Foundation" in (ROOT / "NOTICE").read_text("utf-8")


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert (PACKAGE / "_core.pyi").exists()
