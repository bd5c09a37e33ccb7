# SPDX-License-Identifier: Apache-2.0
"""Kernels with mistakes planted in their source: the tests' means find every one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIMT, MMA, FLOW, STRIDED = "correlation_simt.cuh", "correlation_mma.cuh", "flow_head.cu", "strided.cuh"
EPILOGUE = "epilogue.cu"
CORRELATIONS, FLOWS, STRIDED_KERNELS = "mutant.cpp", "mutant_flow.cpp", "mutant_strided.cpp"
PROGRAMS = (CORRELATIONS, FLOWS, STRIDED_KERNELS)
PROGRAM_OF = {"simt": CORRELATIONS, "mma": CORRELATIONS, "head": FLOWS, "up": FLOWS}  # of the others: STRIDED_KERNELS

# File, the text there (once), what stands there instead.
MUTANTS = {
    "simt-no-wait": (SIMT, "cuh::cp_async_wait<1>();", ""),
    "simt-no-barrier-before-reading": (SIMT, "__syncthreads();\n    const float4* stage", "const float4* stage"),
    "simt-no-barrier-before-the-next-fill": (SIMT, "__syncthreads();  // the next fill", "//"),
    "simt-no-barrier-before-writing": (SIMT, "__syncwarp();\n  write(", "write("),
    "simt-other-parity": (SIMT, "+ at.parity;\n    copy16", ";\n    copy16"),
    "mma-no-wait": (MMA, "cuh::cp_async_wait<1>();", ""),
    "mma-no-barrier-before-reading": (MMA, "__syncthreads();\n    const int step", "const int step"),
    "mma-no-barrier-before-the-stages": (MMA, "__syncthreads();  // the stages", "//"),
    "mma-no-barrier-before-the-next-fill": (MMA, "__syncthreads();  // the next fill", "//"),
    "mma-no-barrier-before-writing": (MMA, "__syncwarp();\n      write<", "write<"),
    "mma-displaced-by-one": (MMA, "at.y0 + 2 * (q - kReach)", "at.y0 + 2 * (q - kReach) + 1"),
    "head-no-barrier-before-reading": (FLOW, "__syncthreads();", ""),
    "head-beyond-the-channels": (FLOW, "if (whole && count >= Piece)", "if (whole)"),
    "head-half-of-the-lanes": (FLOW, "step > 0;", "step > 1;"),
    "head-displaced-by-one": (FLOW, "% a.kernel - a.padding", "% a.kernel - a.padding + 1"),
    "up-other-parity": (FLOW, "(x + a.padding) % a.stride", "x % a.stride"),
    "up-weights-turned": (FLOW, "c * a.co + o", "o * a.ci + c"),
    "norm-no-last-image": (STRIDED, "return image < shape.n", "return image + 1 < shape.n"),
    "norm-beyond-the-last-image": (STRIDED, "return image < shape.n", "return true"),
    "norm-rows-without-columns": (STRIDED, "+ place.x * t.strides.w", ""),
    "norm-channels-together": ("channel_norm.cu", "from += x.strides.c", "++from"),
    "resize-every-thread-from-channel-0": (STRIDED, "blockIdx.y * blockDim.x + threadIdx.x", "0"),
    "resize-one-row-twice": ("resize.cu", "__ldg(bottom + channel + right)", "__ldg(top + channel + right)"),
    "resize-columns-of-the-height": (
        "resize.cu",
        "at.x, a.x.shape.w, a.out.shape.w",
        "at.x, a.x.shape.h, a.out.shape.h",
    ),
    "warp-no-mask": ("warp.cu", "!(taps.share > inside_share)", "false"),
    "warp-v-before-u": (
        "warp.cu",
        "__ldg(flow), __ldg(flow + a.flow.strides.c)",
        "__ldg(flow + a.flow.strides.c), __ldg(flow)",
    ),
    "warp-first-image-alone": ("warp.cu", "+ at.n * a.x.strides.n", ""),
    "cut-not-at-all": ("sampling.cuh", "padding == Padding::cut && is_cut", "false && is_cut"),
    "cut-at-the-last-pixel": ("sampling.cuh", "at_x >= static_cast<float>(w)", "at_x > static_cast<float>(w - 1)"),
    "elementwise-b-lies-like-a": ("elementwise.cu", "offset_of(e.b, place)", "offset_of(e.a, place)"),
    "elementwise-channels-together": ("elementwise.cu", "c * e.out.strides.c", "c"),
    "elementwise-no-slope": ("elementwise.cu", "leaky(value, e.what.slope)", "value"),
    "gather-no-pitch": ("gather.cu", "from * a.pitch +", "from * a.pieces +"),
    "gather-16-bytes-at-any-pitch": ("gather.cu", "pitch % 16 == 0 && ", ""),
    "epilogue-beyond-the-channels": (EPILOGUE, "if (Aligned && first + piece <= channels)", "if (Aligned)"),
    "epilogue-bias-of-channel-0": (EPILOGUE, "load<piece>(bias + first, terms)", "load<piece>(bias, terms)"),
    "epilogue-out-lies-like-in": (EPILOGUE, "pixel * a.out_pitch", "pixel * a.in_pitch"),
    "epilogue-no-slope": (EPILOGUE, "leaky(values[i] + terms[i], slope)", "values[i] + terms[i]"),
    "scatter-rows-and-columns-turned": (
        EPILOGUE,
        "- 1 + phase / 2;\n  const int x = 2 * column - 1 + phase % 2;",
        "- 1 + phase % 2;\n  const int x = 2 * column - 1 + phase / 2;",
    ),
    "scatter-displaced-by-one": (EPILOGUE, "2 * column - 1 + phase % 2", "2 * column + phase % 2"),
    "scatter-beyond-the-top": (EPILOGUE, "y < 0 || ", ""),
    "scatter-beyond-the-bottom": (EPILOGUE, "y >= a.h || ", ""),
    "scatter-beyond-the-left": (EPILOGUE, "x < 0 || ", ""),
    "scatter-beyond-the-right": (EPILOGUE, " || x >= a.w", ""),
    "scatter-no-last-column": (EPILOGUE, "x >= a.w", "x + 1 >= a.w"),
    "scatter-no-last-row": (EPILOGUE, "y >= a.h", "y + 1 >= a.h"),
    "scatter-grids-as-high-as-the-input": (EPILOGUE, "(a.h) / 2 + 1", "(a.h) / 2"),
    "scatter-grids-as-wide-as-the-input": (EPILOGUE, "(a.w) / 2 + 1", "(a.w) / 2"),
    "scatter-first-image-alone": (EPILOGUE, "static_cast<std::int64_t>(image) * a.h + y", "std::int64_t{y}"),
    "scatter-every-slab-from-row-0": (EPILOGUE, "(a.first + down)", "(down)"),
    "scatter-phases-without-filling": (EPILOGUE, "phase * a.phase_pitch", "phase * a.channels"),
}
# A copy that nobody waits for lands when its thread ends at the latest, which barriers may have put in order: of those
# only the results tell.
RACES = [name for name in MUTANTS if "-no-barrier-" in name]


def run(folder: Path, program: str, mutant: str | None, *flags: str) -> subprocess.CompletedProcess[str]:
    """Compiles the kernels, with a mistake or without, and runs a program of tests/cuda on them."""
    shutil.copytree(ROOT / "csrc" / "cuda", folder / "cuda")
    if mutant:
        name, text, instead = MUTANTS[mutant]
        source = (folder / "cuda" / name).read_text("utf-8")
        assert source.count(text) == 1, f"{name} no longer has {text!r} once"
        (folder / "cuda" / name).write_text(source.replace(text, instead), "utf-8")
    built = folder / "mutant"
    here, csrc = ROOT / "tests" / "cuda", ROOT / "csrc"
    includes = [f"-I{folder}", f"-I{csrc}", f"-I{csrc / 'include'}", "-isystem", str(here / "emulator")]
    compiler = os.environ.get("CXX", "g++")
    subprocess.run([compiler, "-std=c++17", "-O1", "-g", *flags, *includes, here / program, "-o", built], check=True)
    return subprocess.run([built], capture_output=True, text=True, check=False, timeout=300)


def program_of(mutant: str) -> str:
    """The program that runs the kernel of a mutant."""
    return PROGRAM_OF.get(mutant.split("-", maxsplit=1)[0], STRIDED_KERNELS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_kernels_as_they_are(tmp_path: Path, program: str) -> None:
    done = run(tmp_path, program, None)
    assert done.returncode == 0, done.stdout


SANITIZED = [pytest.param(CORRELATIONS, marks=pytest.mark.slow), FLOWS, STRIDED_KERNELS]


@pytest.mark.parametrize("program", SANITIZED)
def test_kernels_as_they_are_have_no_race(tmp_path: Path, program: str) -> None:
    done = run(tmp_path, program, None, "-fsanitize=thread")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", SANITIZED)
def test_kernels_as_they_are_stay_in_bounds(tmp_path: Path, program: str) -> None:
    done = run(tmp_path, program, None, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mutant", MUTANTS)
def test_wrong_results(tmp_path: Path, mutant: str) -> None:
    kernel = mutant.split("-", maxsplit=1)[0]
    done = run(tmp_path, program_of(mutant), mutant)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{kernel} wrong" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("mutant", RACES)
def test_races(tmp_path: Path, mutant: str) -> None:
    done = run(tmp_path, program_of(mutant), mutant, "-fsanitize=thread")
    assert done.returncode != 0
    assert "data race" in done.stderr
