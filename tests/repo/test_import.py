# SPDX-License-Identifier: Apache-2.0
"""`import flownet2`: light (CI measures how quick), and every public name is there."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import flownet2
from repo.source_tree import modules

LOADED = """
import json, sys
import flownet2
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""


def test_import_loads_no_optional_package() -> None:
    loaded = set(json.loads(subprocess.check_output([sys.executable, "-c", LOADED])))
    assert (
        loaded & {"cv2", "tqdm", "h5py", "pooch", "requests", "urllib3", "cupy", "torch", "argparse", "multiprocessing"}
        == set()
    )


def test_python_m_flownet2_is_the_command() -> None:
    run = subprocess.run([sys.executable, "-m", "flownet2", "--help"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("usage: flownet2 ")


@pytest.mark.parametrize("name", sorted(modules()))
def test_public_names_exist(name: str) -> None:
    if name.endswith("__main__"):
        return
    module = importlib.import_module(name)
    missing = [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)]
    assert missing == []


def test_the_package_lists_what_it_offers() -> None:
    assert {"load", "FlowNet2Error", "__version__"} <= set(flownet2.__all__)
    assert list(flownet2.__all__) == sorted(set(flownet2.__all__), key=flownet2.__all__.index)


def test_source_tree_without_the_compiled_module_says_what_to_do(tmp_path: Path) -> None:
    package = tmp_path / "flownet2"
    package.mkdir()
    source = Path(flownet2.__file__).with_name("__init__.py")
    (package / "__init__.py").write_bytes(source.read_bytes())
    command = [sys.executable, "-S", "-c", "import flownet2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "has no compiled module" in done.stderr
    assert "pip install ." in done.stderr
