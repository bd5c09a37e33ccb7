# SPDX-License-Identifier: Apache-2.0
"""The rules that can be checked by looking at the tree: homes of operators, imports, plain text."""

from __future__ import annotations

import re

import pytest

import flownet2
from cases.ops import all_cases
from flownet2 import _core
from flownet2.ops.reference import REFERENCE
from flownet2.ops.spec import OPS
from repo.source_tree import CODE_SUFFIXES, PACKAGE, ROOT, Import, all_imports, text_files

# Layers that know arrays and files only.
PLAIN = frozenset({"io", "pixel_errors", "metrics", "viz", "preprocess", "pictures", "resampling", "datasets"}) | {
    "comparison",
    "submission",
}
ABOVE_ARRAYS = frozenset(
    {"graph", "networks", "executors", "weights", "builtin", "api", "evaluate", "evaluation", "report", "zoo"}
)

# What each part of the package must not import; `cli` is added to every row below.
FORBIDDEN: dict[str, frozenset[str]] = {
    **dict.fromkeys(PLAIN, ABOVE_ARRAYS),
    "arrays": PLAIN | ABOVE_ARRAYS,
    "ops": PLAIN | ABOVE_ARRAYS,
    "graph": PLAIN | ABOVE_ARRAYS - {"graph"},
    "networks": PLAIN | {"executors", "weights", "builtin", "api", "evaluate", "evaluation", "report", "zoo"},
    "executors": PLAIN | {"networks", "weights", "builtin", "api", "evaluate", "evaluation", "report", "zoo"},
    "weights": frozenset({"executors", "builtin", "api", "evaluate", "evaluation", "report", "zoo"}),
    "zoo": PLAIN | {"executors", "ops", "graph", "builtin", "api", "evaluate", "evaluation", "report"},
    "conversion": PLAIN | ABOVE_ARRAYS - {"weights"},
    "locks": PLAIN | ABOVE_ARRAYS,
    # A model is handed over: it need not be one of ours.
    "evaluate": ABOVE_ARRAYS - {"evaluate", "evaluation"} | {"ops", "viz", "baselines"},
    "baselines": ABOVE_ARRAYS | {"datasets", "viz", "metrics"},
    "home": PLAIN | ABOVE_ARRAYS,
    # Scores, totals and protocols: numbers from arrays, whatever made them.
    "evaluation": ABOVE_ARRAYS - {"evaluation"} | {"ops", "viz", "pictures", "resampling"},
    # A page from results, and from flow that a function gives it.
    "report": ABOVE_ARRAYS - {"evaluation", "report"} | {"ops", "pictures", "resampling"},
}
USES_CORE = {"flownet2.ops.kernels", "flownet2.runtime", "flownet2.executors.native"}
OPTIONAL = {"cv2", "tqdm", "h5py", "pooch", "requests", "urllib3", "cupy", "cudnn", "torch"}

# A path of the machine that a file was written on, or an address of a package index.
MACHINE = re.compile(r"(?<![\w.~{}$/*-])/(work|root|home|tmp|Users)/[\w.]|\bpypi\.org/simple|/opt/pypi")


def part(module: str) -> str:
    """`io` for flownet2.io.flo; `` for the package itself and everything else."""
    names = module.split(".")
    return names[1] if names[0] == "flownet2" and len(names) > 1 else ""


def described(found: list[Import]) -> list[str]:
    return [f"{one.importer}:{one.line} imports {one.target}" for one in found]


def test_every_operator_has_its_reference() -> None:
    assert set(REFERENCE) == set(OPS)
    files = {path.stem for path in (PACKAGE / "ops" / "reference").glob("*.py")} - {"__init__"}
    assert files == set(OPS)


def test_every_operator_has_cases() -> None:
    assert {case.op for case in all_cases()} == set(OPS)


def test_kernels_are_operators() -> None:
    sources = {path.stem for path in (ROOT / "csrc" / "ops").glob("*.cpp")}
    assert set(_core.op_names()) == sources & set(OPS)


def test_every_operator_is_an_eager_function() -> None:
    eager = {name for name in OPS if callable(getattr(flownet2.ops, name, None))}
    assert eager == set(OPS)


@pytest.mark.parametrize("layer", sorted(FORBIDDEN))
def test_import_directions(layer: str) -> None:
    found = [one for one in all_imports() if part(one.importer) == layer and part(one.target) in FORBIDDEN[layer]]
    assert described(found) == []


def test_errors_and_types_import_nothing_of_ours() -> None:
    found = [
        one for one in all_imports() if part(one.importer) in {"errors", "types"} and one.target.startswith("flownet2")
    ]
    assert described(found) == []


def test_nothing_imports_the_command_line() -> None:
    found = [
        one for one in all_imports() if part(one.target) == "cli" and part(one.importer) not in {"cli", "__main__"}
    ]
    assert described(found) == []


def test_the_compiled_module_has_few_users() -> None:
    found = [one for one in all_imports() if part(one.target) == "_core" and one.importer not in USES_CORE]
    assert described(found) == []


@pytest.mark.parametrize(
    ("module", "user"),
    [
        ("cudnn", "flownet2.executors.cuda.cudnn"),
        ("cupy", "flownet2.executors.cuda.device"),
        ("flownet2._cuda", "flownet2.executors.cuda.device"),
    ],
)
def test_what_a_gpu_needs_is_imported_in_one_file(module: str, user: str) -> None:
    assert {one.importer for one in all_imports() if f"{one.target}.".startswith(f"{module}.")} == {user}


def test_optional_packages_are_imported_where_they_are_used() -> None:
    found = [one for one in all_imports() if one.at_import and one.target.split(".")[0] in OPTIONAL]
    assert described(found) == []


def test_run_time_dependencies_are_numpy_alone() -> None:
    import sys

    known = set(sys.stdlib_module_names) | {"flownet2", "numpy"} | OPTIONAL
    found = [one for one in all_imports() if one.target.split(".")[0] not in known]
    assert described(found) == []


def test_sources_are_ascii() -> None:
    found = []
    for path in text_files():
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if not line.isascii():
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_sources_name_their_licence() -> None:
    found = []
    for path in text_files():
        if path.suffix in CODE_SUFFIXES:
            head = path.read_text("utf-8").splitlines()[:2]
            if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
                found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_no_file_names_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if MACHINE.search(line) and path.name != "test_layout.py"
    ]
    assert found == []
