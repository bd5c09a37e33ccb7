# SPDX-License-Identifier: Apache-2.0
"""The judge of the static bars: what it reads, and that each kind of bar can be missed."""

from __future__ import annotations

import collections
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PTXAS = """ptxas info    : Compiling entry function '_Z4goodv' for 'sm_80'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 2048 bytes smem
ptxas info    : Compiling entry function '_Z3badv' for 'sm_80'
    8 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers
"""
SASS = """\t.section\t.text._Z4goodv,"ax",@progbits
        /*0000*/                   LDG.E.128.CONSTANT R4, [R2.64] ;
        /*0010*/              @!P0 LDG.E.U16 R4, [R2.64] ;
        /*0020*/                   HMMA.16816.F32 R8, R4, R6, R8 ;
\t.section\t.text._Z3badv,"ax",@progbits
        /*0000*/                   STL [R1], R2 ;
        /*0010*/                   LDG.E R4, [R2.64] ;
"""


@pytest.fixture(scope="module")
def bars() -> ModuleType:
    spec = importlib.util.spec_from_file_location("static_bars", Path(__file__).with_name("static_bars.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def test_reading(bars: ModuleType) -> None:
    kernels = bars.read_ptxas(PTXAS)
    bars.read_sass(SASS, kernels)
    good, bad = kernels["_Z4goodv"], kernels["_Z3badv"]
    assert (good.registers, good.spilled, good.shared) == (40, 0, 2048)
    assert (bad.registers, bad.spilled, bad.shared) == (255, 20, 0)
    assert good.instructions == collections.Counter({"LDG.128": 1, "LDG.16": 1, "HMMA": 1})
    assert bad.instructions == collections.Counter({"STL": 1, "LDG.32": 1})


def test_every_kind_of_bar_can_be_missed(bars: ModuleType) -> None:
    kernels = bars.read_ptxas(PTXAS)
    bars.read_sass(SASS, kernels)
    bar = {
        "spilled": 0,
        "registers": 168,
        "never": ["STL"],
        "must": ["HMMA"],
        "threads": 128,
        "warps": {"80": 12},
    }
    assert bars.missed(kernels["_Z4goodv"], bar, 80) == []
    assert bars.missed(kernels["_Z3badv"], bar, 80) == [
        "1 of STL",
        "no HMMA",
        "20 bytes of spills",
        "255 registers, at most 168",
        "8 resident warps, at least 12",
    ]


@pytest.mark.parametrize(
    ("arch", "registers", "threads", "shared", "warps"),
    [(80, 168, 384, 70400, 12), (90, 128, 128, 47616, 16), (89, 128, 128, 47616, 8), (90, 31, 256, 0, 64)],
)
def test_resident_warps(bars: ModuleType, arch: int, registers: int, threads: int, shared: int, warps: int) -> None:
    assert bars.resident_warps(arch, registers, threads, shared) == warps
