# SPDX-License-Identifier: Apache-2.0
"""What can be known of CUDA kernels without a GPU, held against bars.json: registers, spills, instructions, occupancy.

    python static_bars.py NVDISASM [ARCHITECTURE ...]

Needs nvcc on PATH and nvdisasm (PyPI: nvidia-cuda-nvdisasm). A bar changes only with a reason, which stands in
bars.json. Every kernel of csrc/cuda must meet `every`; those named there have bars of their own besides.
"""

from __future__ import annotations

import collections
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
ARCHITECTURES = (80, 90, 120)

# Warps and blocks of a multiprocessor, KiB of shared memory: CUDA C++ programming guide, table of compute capabilities.
LIMITS = {
    80: (64, 32, 164),
    86: (48, 16, 100),
    89: (48, 24, 100),
    90: (64, 32, 228),
    100: (64, 32, 228),
    120: (48, 24, 100),
}
REGISTERS_OF_A_QUARTER = 16384


@dataclass
class Kernel:
    """What ptxas and nvdisasm say of one kernel."""

    registers: int = 0
    spilled: int = 0
    shared: int = 0
    instructions: collections.Counter[str] = field(default_factory=collections.Counter)


def resident_warps(arch: int, registers: int, threads: int, shared: int) -> int:
    """Warps on a multiprocessor at a time."""
    most_warps, most_blocks, kib = LIMITS[arch]
    warps = threads // 32
    of_a_warp = -(-registers * 32 // 256) * 256
    by_registers = REGISTERS_OF_A_QUARTER // of_a_warp * 4 // warps
    by_shared = kib * 1024 // (-(-shared // 128) * 128 + 1024)
    return min(most_warps // warps, most_blocks, by_registers, by_shared) * warps


def instruction(text: str) -> str:
    """The name of a SASS instruction, with the width of those that access memory."""
    name = text.split(".", maxsplit=1)[0]
    if name not in {"LDG", "STG", "LDS", "STS", "LDGSTS"}:
        return name
    widths = [part for part in text.split(".")[1:] if part in {"64", "128", "U16", "S16", "U8", "S8"}]
    return f"{name}.{widths[-1].lstrip('US')}" if widths else f"{name}.32"


def read_ptxas(text: str) -> dict[str, Kernel]:
    """The answer to -Xptxas -v, by mangled name."""
    kernels: dict[str, Kernel] = {}
    name = ""
    for line in text.splitlines():
        if found := re.search(r"Compiling entry function '(\S+)'", line):
            name = found[1]
            kernels[name] = Kernel()
        elif found := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            kernels[name].spilled += int(found[1]) + int(found[2])
        elif found := re.search(r"Used (\d+) registers", line):
            kernels[name].registers = int(found[1])
            shared = re.search(r"(\d+) bytes smem", line)
            kernels[name].shared = int(shared[1]) if shared else 0
    return kernels


def read_sass(text: str, kernels: dict[str, Kernel]) -> None:
    """Counts the instructions of each kernel in nvdisasm's listing."""
    current = None
    for line in text.splitlines():
        if found := re.match(r"\s*\.section\s+\.text\.(\S+?),", line):
            current = kernels.get(found[1])
        found = re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)", line)
        if found and current:
            current.instructions[instruction(found[1])] += 1


def analyse(source: Path, arch: int, nvdisasm: str) -> dict[str, Kernel]:
    """The kernels of one file for one architecture, by demangled name."""
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernels.cubin"
        includes = [f"-I{CSRC}", f"-I{CSRC / 'include'}"]
        command = ["nvcc", "-std=c++17", "-O3", f"-arch=sm_{arch}", "-Xptxas", "-v", *includes, "-cubin"]
        built = subprocess.run([*command, source, "-o", cubin], capture_output=True, text=True, check=False)
        if built.returncode:
            sys.exit(built.stdout + built.stderr)
        sass = subprocess.run([nvdisasm, "-c", cubin], capture_output=True, text=True, check=True).stdout
    kernels = read_ptxas(built.stderr)
    read_sass(sass, kernels)
    names = subprocess.run(["c++filt"], input="\n".join(kernels), capture_output=True, text=True, check=True).stdout
    return dict(zip((name.split("(flownet2")[0] for name in names.splitlines()), kernels.values(), strict=True))


def missed(kernel: Kernel, bar: dict[str, Any], arch: int) -> list[str]:
    """What the kernel does not meet."""
    found = [f"{kernel.instructions[name]} of {name}" for name in bar.get("never", []) if kernel.instructions[name]]
    found += [f"no {name}" for name in bar.get("must", []) if not kernel.instructions[name]]
    if kernel.spilled > bar.get("spilled", kernel.spilled):
        found.append(f"{kernel.spilled} bytes of spills")
    if kernel.registers > bar.get("registers", kernel.registers):
        found.append(f"{kernel.registers} registers, at most {bar['registers']}")
    if "warps" in bar:
        warps = resident_warps(arch, kernel.registers, bar["threads"], kernel.shared + bar.get("shared", 0))
        if warps < bar["warps"][str(arch)]:
            found.append(f"{warps} resident warps, at least {bar['warps'][str(arch)]}")
    return found


def main(nvdisasm: str, architectures: list[int]) -> int:
    bars = json.loads((HERE / "bars.json").read_text("utf-8"))
    failures, met = 0, set()
    for arch in architectures:
        for source in sorted((CSRC / "cuda").glob("*.cu")):
            for name, kernel in sorted(analyse(source, arch, nvdisasm).items()):
                own = next((key for key in bars["kernels"] if key in name), None)
                met.add(own)
                wrong = missed(kernel, bars["every"], arch) + (
                    missed(kernel, bars["kernels"][own], arch) if own else []
                )
                if not sum(kernel.instructions.values()):
                    wrong.append("nvdisasm lists no instruction")
                mix = " ".join(f"{key} {count}" for key, count in sorted(kernel.instructions.items()) if key in SHOWN)
                print(f"sm_{arch} {name}: {kernel.registers} registers; {mix}")  # noqa: T201
                for one in wrong:
                    print(f"    FAILED: {one}")  # noqa: T201
                failures += len(wrong)
    for name in set(bars["kernels"]) - met:
        print(f"FAILED: no kernel is called {name}")  # noqa: T201
        failures += 1
    print(f"{failures} bars missed")  # noqa: T201
    return int(failures != 0)


SHOWN = {
    "HMMA",
    "LDSM",
    "FFMA",
    "LDS.128",
    "LDG.128",
    "LDG.64",
    "LDG.32",
    "LDG.16",
    "LDGSTS.128",
    "STG.128",
    "STG.32",
    "STG.16",
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [int(arch) for arch in sys.argv[2:]] or list(ARCHITECTURES)))
