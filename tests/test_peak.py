# SPDX-License-Identifier: Apache-2.0
"""The processor's peak: that it is measured, of the instruction set and threads in use. How large is not tested."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from flownet2 import runtime
from flownet2.errors import InputError
from test_isa import run_python

BFLOAT16_ISAS = {"avx512_bf16", "amx"}


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = runtime.get_num_threads()
    yield
    runtime.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_positive_and_finite(threads: int) -> None:
    runtime.set_num_threads(threads)
    peak = runtime.measure_peak()
    assert peak is not None
    assert math.isfinite(peak)
    assert peak > 0


@pytest.mark.parametrize("isa", runtime.list_isas())
def test_every_instruction_set(isa: str) -> None:
    """Products of bfloat16 exactly where the instruction set in use has them, not where the processor has."""
    code = "from flownet2 import runtime as r; print(r.get_isa(), r.measure_peak('fma'), r.measure_peak('bf16'))"
    done = run_python(code, isa)
    assert done.stderr == ""
    name, fma, bf16 = done.stdout.split()
    assert name == isa
    assert 0 < float(fma) < math.inf
    assert (bf16 != "None") == (isa in BFLOAT16_ISAS)
    assert bf16 == "None" or 0 < float(bf16) < math.inf


def test_unknown_kind() -> None:
    with pytest.raises(InputError, match='kind must be "fma" or "bf16", got \'int8\''):
        runtime.measure_peak("int8")


def test_unknown_instruction_set() -> None:
    code = """
from flownet2 import runtime
from flownet2.errors import InputError
try:
    runtime.measure_peak()
except InputError as error:
    print(error)
"""
    assert "FLOWNET2_ISA must be one of " in run_python(code, "avx9000").stdout
