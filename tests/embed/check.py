# SPDX-License-Identifier: Apache-2.0
"""Holds what the C++ and C programs computed against Python's package.

check.py pictures FOLDER     writes the demo pair as frame1.ppm, frame1.png, wide1.ppm (16 bits), grey1.pgm, ...
check.py results FOLDER      compares the files that the programs left there
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import flownet2
from flownet2.builtin import DEMO_FRAME1, DEMO_FRAME2

# NumPy's arctan2 has other last bits than the C library's on some processors, which may move a colour by one.
COLOR_TOLERANCE = 1
COLOR_SHARE = 1e-3
SCALAR_TOLERANCE_PX = 1e-3


def pictures() -> dict[str, list[np.ndarray]]:
    """Both frames, by the name of their kind."""
    frames = [flownet2.io.read_image(path) for path in (DEMO_FRAME1, DEMO_FRAME2)]
    wide = [frame.astype(np.uint16) * 256 + np.roll(frame, 1, axis=1) for frame in frames]
    return {"frame": frames, "wide": wide, "grey": [np.ascontiguousarray(frame[..., 1]) for frame in frames]}


def write_pictures(folder: Path) -> None:
    for kind, pair in pictures().items():
        for number, picture in enumerate(pair, start=1):
            name = f"{kind}{number}"
            height, width = picture.shape[:2]
            letter, suffix = ("P5", "pgm") if picture.ndim == 2 else ("P6", "ppm")
            header = f"{letter}\n# a comment\n{width} {height}\n{np.iinfo(picture.dtype).max}\n"
            if kind == "frame":  # the C program takes no comments
                header = f"{letter}\n{width} {height}\n255\n"
                flownet2.io.write_image(folder / f"{name}.png", picture)
            stored = picture.astype(picture.dtype.newbyteorder(">"))
            (folder / f"{name}.{suffix}").write_bytes(header.encode() + stored.tobytes())
    whole = (folder / "frame2.ppm").read_bytes()
    (folder / "cut.ppm").write_bytes(whole[:-1])
    (folder / "small.ppm").write_bytes(b"P6 2 1 255\n" + bytes(6))


def expected(folder: Path) -> dict[str, np.ndarray]:
    """The flow that each file there should hold."""
    pairs = pictures()
    exact = flownet2.load()
    rounded = flownet2.load(precision="bfloat16")
    flows = {
        "flow.flo": exact(*pairs["frame"]),
        "plain.flo": exact(*pairs["frame"]),
        "wide.flo": exact(*pairs["wide"]),
        "grey.flo": exact(*pairs["grey"]),
        "bfloat16.flo": rounded(*pairs["frame"]),
    }
    if (folder / "png.flo").exists():  # where the programs were built with OpenCV
        flows["png.flo"] = exact(*pairs["frame"])
    return flows


def check_flows(folder: Path) -> None:
    for name, flow in expected(folder).items():
        reference = folder / f"python-{name}"
        flownet2.io.write_flow(reference, flow)
        if (folder / name).read_bytes() != reference.read_bytes():
            found = flownet2.io.read_flow(folder / name).flow
            sys.exit(f"{name}: differs from Python's flow by up to {np.abs(found - flow).max()} px")
        print(f"{name}: the same bytes as Python's")
    # Another instruction set adds up in another order.
    scalar, best = (flownet2.io.read_flow(folder / name).flow for name in ("scalar.flo", "flow.flo"))
    difference = np.abs(scalar - best).max()
    print(f"scalar.flo: within {difference:.1e} px of flow.flo")
    if difference > SCALAR_TOLERANCE_PX:
        sys.exit("scalar.flo: too far from flow.flo")


def check_colors(folder: Path) -> None:
    flow = flownet2.io.read_flow(folder / "flow.flo").flow
    drawn = flownet2.io.read_image(folder / "flow.ppm").astype(int)
    difference = np.abs(drawn - flownet2.viz.flow_to_color(flow))
    share = np.count_nonzero(difference) / difference.size
    print(f"flow.ppm: {share:.1e} of the values differ from flow_to_color, by {difference.max()} at most")
    if difference.max() > COLOR_TOLERANCE or share > COLOR_SHARE:
        sys.exit("flow.ppm: other colours than flownet2.viz.flow_to_color")


def main() -> None:
    task, folder = sys.argv[1], Path(sys.argv[2])
    if task == "pictures":
        write_pictures(folder)
    else:
        check_flows(folder)
        check_colors(folder)


if __name__ == "__main__":
    main()
