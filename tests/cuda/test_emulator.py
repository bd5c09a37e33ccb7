# SPDX-License-Identifier: Apache-2.0
"""The emulator finds each planted mistake. Three builds of tests/cuda/selftest.cpp: plain, for memory, for races."""

from __future__ import annotations

import os
import subprocess

import pytest


def run(build: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = os.environ[f"FLOWNET2_CUDA_SELFTEST_{build}"]
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=300)


def test_all_cases_without_a_sanitizer() -> None:
    done = run("PLAIN")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok ") >= 20


@pytest.mark.parametrize("build", ["ASAN", "TSAN"])
@pytest.mark.parametrize("case", ["good", "good_after_failures"])
def test_right_kernels_pass(build: str, case: str) -> None:
    done = run(build, case)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("case", "report"),
    [
        ("out_of_bounds_read", "heap-buffer-overflow"),
        ("out_of_bounds_write", "heap-buffer-overflow"),
        ("out_of_bounds_shared", "out of bounds"),
        ("out_of_bounds_dynamic", "heap-buffer-overflow"),
        ("misaligned", "misaligned"),
    ],
)
def test_memory_errors_are_reported(case: str, report: str) -> None:
    done = run("ASAN", case)
    assert done.returncode != 0
    assert report in done.stderr


@pytest.mark.parametrize(
    "case",
    [
        "race_no_barrier",
        "race_overwrite",
        "race_copies",
        "race_blocks",
        "race_after_other_blocks",
        "race_after_failures",
    ],
)
@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_races_are_reported_whatever_the_schedule(monkeypatch: pytest.MonkeyPatch, case: str, seed: str) -> None:
    monkeypatch.setenv("CUH_SEED", seed)
    done = run("TSAN", case)
    assert done.returncode != 0
    assert "data race" in done.stderr
