# SPDX-License-Identifier: Apache-2.0
"""Looks inside the built sdist and wheels: all that belongs there, nothing that must not be published.

Usage: check_artifacts.py FOLDER
"""

from __future__ import annotations

import fnmatch
import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Research-only data sets, and folders that a careless build would sweep up.
FORBIDDEN = re.compile(
    r"kitti[^/]*\.(png|zip)|chairs(?!.*\.py$)|\.ppm$|(^|/)(\.venv|\.git/|build/|__pycache__)", re.IGNORECASE
)
# The library is there once, shared, under its plain name: no static one, no versioned copies, none grafted beside; and
# not the one for GPUs.
FORBIDDEN_IN_WHEEL = re.compile(r"\.a$|\.so\.|\.libs/|libflownet2_cuda|include/flownet2/cuda")
IN_WHEEL = (
    "flownet2/_core*.so",
    "flownet2/py.typed",
    "flownet2/_core.pyi",
    "flownet2/include/flownet2/version.h",
    "flownet2/lib/libflownet2.so",
    "flownet2/lib/cmake/flownet2/flownet2-config.cmake",
    "flownet2/lib/cmake/flownet2/flownet2-config-version.cmake",
    "flownet2/lib/cmake/flownet2/flownet2-targets.cmake",
    "flownet2/lib/cmake/flownet2/flownet2-targets-release.cmake",
    "flownet2/lib/pkgconfig/flownet2.pc",
    "*/licenses/LICENSE",
    "*/licenses/NOTICE",
)
IN_SDIST = ("LICENSE", "NOTICE", "README.md", "pyproject.toml", "CMakeLists.txt", "csrc/CMakeLists.txt")
HEADERS = ROOT / "csrc" / "include"
# Code, the built-in network and the demo pair come to about 8 MiB: more is a file that slipped in.
LARGEST_BYTES = 16 * 2**20
# What the module for GPUs may add to a wheel, compressed.
LARGEST_CUDA_BYTES = 1_500_000


def source_files() -> list[str]:
    """The files of the package in the tree, data files included, relative to src/."""
    found = (ROOT / "src" / "flownet2").rglob("*")
    return [
        path.relative_to(ROOT / "src").as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".so", ".pyd"}
    ]


def headers() -> list[str]:
    """The wheel's headers, relative to their folder; version.h.in is a header only when CMake has filled it in."""
    found = [path.relative_to(HEADERS).as_posix() for path in HEADERS.rglob("*.h*") if path.suffix in {".h", ".hpp"}]
    return [name for name in found if not name.startswith("flownet2/cuda")]


def faults(names: list[str], patterns: list[str]) -> list[str]:
    """What is missing from `names`, and what should not be there."""
    missing = [f"lacks {pattern}" for pattern in patterns if not fnmatch.filter(names, pattern)]
    return missing + [f"must not hold {name}" for name in names if FORBIDDEN.search(name)]


def cuda_faults(wheel: zipfile.ZipFile) -> list[str]:
    """Faults of the module for GPUs: a wheel serves machines with and without one."""
    modules = [info for info in wheel.infolist() if fnmatch.fnmatch(info.filename, "flownet2/_cuda*.so")]
    if not modules:
        return ["lacks flownet2/_cuda*.so: build it where nvcc is on PATH (.ci/nvcc.sh gets one)"]
    size = sum(info.compress_size for info in modules)
    print(f"flownet2._cuda adds {size} bytes, {sum(info.file_size for info in modules)} when installed")
    return [f"has {size} bytes of flownet2._cuda, at most {LARGEST_CUDA_BYTES}"] if size > LARGEST_CUDA_BYTES else []


def check(path: Path) -> list[str]:
    """All faults of one file."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            found = faults(names, [*IN_WHEEL, *source_files(), *(f"flownet2/include/{name}" for name in headers())])
            found += [f"must not hold {name}" for name in names if FORBIDDEN_IN_WHEEL.search(name)]
            found += cuda_faults(wheel)
    else:
        with tarfile.open(path) as sdist:
            names = [name.partition("/")[2] for name in sdist.getnames()]
            found = faults(names, [*IN_SDIST, *(f"src/{name}" for name in source_files())])
    if path.stat().st_size > LARGEST_BYTES:
        found.append(f"is {path.stat().st_size} bytes, more than the {LARGEST_BYTES} expected")
    return found


def main() -> int:
    files = sorted(Path(sys.argv[1]).iterdir())
    kinds = {path.suffix for path in files}
    problems = [f"{sys.argv[1]}: no {kind} was built" for kind in (".whl", ".gz") if kind not in kinds]
    for path in files:
        found = check(path)
        problems += [f"{path.name}: {fault}" for fault in found]
        print(f"{path.name}: {path.stat().st_size / 2**20:.2f} MiB, {len(found)} faults")
    for problem in problems:
        print(problem, file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
