# SPDX-License-Identifier: Apache-2.0
"""Instruction sets: which are there, how one is forced, and that every one computes the operators."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flownet2 import runtime

NAMES = ["scalar", "avx2", "avx512", "avx512_bf16", "amx"]

PLANAR = """
import dataclasses
from cases.ops import all_cases
from compare import assert_relative
from flownet2.ops import kernels, reference
from flownet2.ops.spec import OPS
checked = 0
for case in all_cases():
    if case.op in kernels.KERNELS:
        attributes = {f.name: getattr(case.attributes, f.name) for f in dataclasses.fields(case.attributes)}
        expected = getattr(reference, case.op)(*case.inputs, **attributes)
        got = kernels.KERNELS[case.op](*case.inputs, **attributes)
        assert_relative(got, expected, rtol=OPS[case.op].rtol, what=case.id)
        checked += 1
print(checked > 100)
"""


def run_python(code: str, isa: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FLOWNET2_ISA": isa, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_list() -> None:
    found = runtime.list_isas()
    assert found == NAMES[: len(found)]
    info = runtime.build_info()
    assert info["isas"] == found
    assert info["isa"] == runtime.get_isa()
    assert runtime.get_isa() in found


def test_the_best_is_taken() -> None:
    code = "from flownet2 import runtime; print(runtime.get_isa())"
    assert run_python(code, "").stdout.strip() == runtime.list_isas()[-1]


@pytest.mark.parametrize("isa", runtime.list_isas())
def test_override_takes_effect(isa: str) -> None:
    """The name is that of the table in use, and a convolution has that table's bits."""
    code = """
import numpy as np
from flownet2 import runtime
from flownet2.ops import kernels
x = np.random.default_rng(0).standard_normal((1, 64, 9, 31)).astype(np.float32)
weight = np.random.default_rng(1).standard_normal((2, 64, 1, 1)).astype(np.float32)
result = kernels.conv2d(x, weight=weight)
same = [isa for isa in runtime.list_isas() if np.array_equal(result, kernels.conv2d(x, weight=weight, isa=isa))]
print(runtime.get_isa(), runtime.build_info()["isa"], *same)
"""
    done = run_python(code, isa)
    fused = [name for name in runtime.list_isas() if name != "scalar"]
    same = ["scalar"] if isa == "scalar" else fused
    assert (done.stdout.split(), done.stderr) == ([isa, isa, *same], "")


@pytest.mark.parametrize("isa", runtime.list_isas())
def test_planar_operators_agree_with_the_reference(isa: str) -> None:
    done = run_python(PLANAR, isa)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_one_that_the_processor_lacks_is_refused() -> None:
    """As an error, before any of its instructions runs; a processor that has all of them has nothing to refuse."""
    for isa in set(NAMES) - set(runtime.list_isas()):
        done = run_python("from flownet2 import runtime; runtime.get_isa()", isa)
        assert done.returncode == 1
        assert f"FLOWNET2_ISA must be one of {', '.join(runtime.list_isas())} on this processor" in done.stderr


@pytest.mark.parametrize("value", ["avx9000", "AVX2", "scalar,avx2", "auto"])
def test_bad_override(value: str) -> None:
    """An error at the first use of a kernel and from the query, every time; importing goes well."""
    code = """
import numpy as np
from flownet2 import runtime
from flownet2.errors import InputError
from flownet2.ops import kernels
x = np.ones((1, 2, 3, 3), np.float32)
calls = (runtime.get_isa, runtime.build_info, lambda: kernels.channel_norm(x), runtime.get_isa)
for call in calls:
    try:
        call()
    except InputError as error:
        print(error)
print(runtime.list_isas()[0])
"""
    done = run_python(code, value)
    names = ", ".join(runtime.list_isas())
    message = f"FLOWNET2_ISA must be one of {names} on this processor, got '{value}'\n"
    assert (done.stdout, done.stderr) == (message * 4 + "scalar\n", "")
