# SPDX-License-Identifier: Apache-2.0
"""Tiny data sets in the layouts as published: pictures of 12x8 pixels, flow that tells which file it came from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from flownet2.io import write_flow, write_image

HEIGHT, WIDTH = 8, 12


def picture(path: Path, shade: int = 0) -> Path:
    """A picture of one colour: red is `shade`, green 1, blue 2."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((HEIGHT, WIDTH, 3), (shade, 1, 2), np.uint8))
    return path


def flow(path: Path, u: float = 0.0, unknown: Iterable[tuple[int, int]] = (), step: int = 1) -> Path:
    """Flow of (u, -1) in all pixels but the unknown ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    field = np.empty((HEIGHT * step, WIDTH * step, 2), np.float32)
    field[:] = u, -1
    valid = np.ones(field.shape[:2], bool)
    for place in unknown:
        valid[place] = False
    write_flow(path, field, valid)
    return path


def mask(path: Path, marked: Iterable[tuple[int, int]] = (), value: int = 255, step: int = 1) -> Path:
    """A grey picture, `value` where marked and black elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.zeros((HEIGHT * step, WIDTH * step), np.uint8)
    for place in marked:
        grey[place] = value
    path.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
    return path


def empty(path: Path) -> Path:
    """A file that nobody can read: an index must not open it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def chairs(root: Path, numbers: Iterable[int] = (1, 2, 3), codes: str = "1\n2\n1\n") -> Path:
    for number in numbers:
        picture(root / f"data/{number:05d}_img1.ppm", number)
        picture(root / f"data/{number:05d}_img2.ppm", number + 100)
        flow(root / f"data/{number:05d}_flow.flo", number)
    (root / "FlyingChairs_train_val.txt").write_text(codes)
    return root


def chairs_occ(root: Path) -> Path:
    for number in (1, 2, 3):
        for index in (1, 2):
            picture(root / f"data/{number:05d}_img{index}.png", number + 100 * (index - 1))
            mask(root / f"data/{number:05d}_occ{index}.png", [(number, index)])
        flow(root / f"data/{number:05d}_flow.flo", number)
        flow(root / f"data/{number:05d}_flow_b.flo", -number)
    (root / "FlyingChairs_train_val.txt").write_text("1\n2\n1\n")
    return root


def chairs2(root: Path) -> Path:
    for split, numbers in {"train": (0, 1), "val": (5,)}.items():
        for number in numbers:
            start = f"{split}/{number:07d}-"
            for index in (0, 1):
                picture(root / f"{start}img_{index}.png", number + 100 * index)
                mask(root / f"{start}oids_{index}.png", [(2, 3)], value=7)
                mask(root / f"{start}mb_{index}.png")
            for index, way in enumerate(("01", "10")):
                flow(root / f"{start}flow_{way}.flo", number)
                mask(root / f"{start}occ_{way}.png", [(number, index)])
                empty(root / f"{start}occ_weights_{way}.pfm")
    return root


def sdhom(root: Path) -> Path:
    for split, numbers in {"train": (1, 8755, 8756), "test": (0, 8755)}.items():
        for number in numbers:
            picture(root / f"data/{split}/t0/{number:05d}.png", number % 100)
            picture(root / f"data/{split}/t1/{number:05d}.png", number % 100 + 100)
            flow(root / f"data/{split}/flow/{number:05d}.pfm", number, [(0, 0)])
    return root


SINTEL_SCENES = {"alley_1": 3, "bamboo_2": 2}


def sintel(root: Path, scenes: dict[str, int] = SINTEL_SCENES, masks: bool = True) -> Path:
    """`scenes` gives the number of frames of each."""
    for scene, frames in scenes.items():
        for number in range(1, frames + 1):
            name = f"{scene}/frame_{number:04d}"
            for top in ("training", "test"):
                picture(root / f"{top}/clean/{name}.png", number)
                picture(root / f"{top}/final/{name}.png", number + 100)
            if masks:
                mask(root / f"training/invalid/{name}.png", [(1, number)])
            if number < frames:
                flow(root / f"training/flow/{name}.flo", number)
                if masks:
                    mask(root / f"training/occlusions/{name}.png", [(number, 0)])
    return root


def kitti(root: Path, pictures: str, objects: bool) -> Path:
    for number in range(3):
        for top in ("training", "testing"):
            for frame in ("09", "10", "11"):
                picture(root / f"{top}/{pictures}/{number:06d}_{frame}.png", number * 10 + int(frame))
        flow(root / f"training/flow_occ/{number:06d}_10.png", number, [(0, 0)])
        flow(root / f"training/flow_noc/{number:06d}_10.png", number, [(0, 0), (3, 4)])
        if objects:
            mask(root / f"training/obj_map/{number:06d}_10.png", [(5, 6)], value=2)
    return root


def things_subset(root: Path, numbers: Iterable[int] = (7, 8, 9)) -> Path:
    """A sequence of the numbers: no flow into the future from the last, none into the past from the first."""
    numbers = list(numbers)
    for folder in ("train", "val"):
        for camera in ("left", "right"):
            for number in numbers:
                for render, shade in (("clean", 0), ("final", 100)):
                    picture(root / f"{folder}/image_{render}/{camera}/{number:07d}.png", number % 100 + shade)
                for way, without in (("into_future", numbers[-1]), ("into_past", numbers[0])):
                    if number != without:
                        flow(root / f"{folder}/flow/{camera}/{way}/{number:07d}.flo", number)
                        mask(root / f"{folder}/flow_occlusions/{camera}/{way}/{number:07d}.png", [(1, 1)])
    return root


def things_full(root: Path, suffix: str = ".png") -> Path:
    for top, letters in {"TRAIN": "AB", "TEST": "C"}.items():
        for letter in letters:
            for camera in ("left", "right"):
                for number in (6, 7, 8):
                    for render, shade in (("clean", 0), ("final", 100)):
                        picture(
                            root / f"frames_{render}pass/{top}/{letter}/0000/{camera}/{number:04d}{suffix}",
                            number + shade,
                        )
                    for way, word in (("into_future", "Future"), ("into_past", "Past")):
                        name = f"OpticalFlowInto{word}_{number:04d}_{camera[0].upper()}.pfm"
                        flow(root / f"optical_flow/{top}/{letter}/0000/{way}/{camera}/{name}", number)
    return root


def hd1k(root: Path) -> Path:
    for sequence, frames in {0: 3, 2: 2}.items():
        for number in range(frames):
            name = f"{sequence:06d}_{number:04d}.png"
            picture(root / "hd1k_input/image_2" / name, number)
            picture(root / "hd1k_challenge/image_2" / name, number + 100)
            flow(root / "hd1k_flow_gt/flow_occ" / name, number, [(0, 1)])
    return root


def middlebury(root: Path) -> Path:
    for sequence in ("RubberWhale", "Grove2", "Walking"):
        for number in (9, 10, 11):
            picture(root / f"other-data/{sequence}/frame{number:02d}.png", number)
            picture(root / f"eval-data/{sequence}/frame{number:02d}.png", number + 100)
        if sequence != "Walking":
            flow(root / f"other-gt-flow/{sequence}/flow10.flo", 10, [(0, 2)])
    return root


def spring(root: Path) -> Path:
    for sequence in ("0001", "0002"):
        for camera in ("left", "right"):
            for number in (1, 2, 3):
                for top in ("train", "test"):
                    picture(root / f"{top}/{sequence}/frame_{camera}/frame_{camera}_{number:04d}.png", number)
                for way, without in (("FW", 3), ("BW", 1)):
                    if number != without:
                        kind = f"flow_{way}_{camera}"
                        place = root / "train" / sequence
                        flow(place / kind / f"{kind}_{number:04d}.flo5", number, [(2, 2), (5, 5)], step=2)
                        mask(place / f"maps/matchmap_{kind}/matchmap_{kind}_{number:04d}.png", [(4, 6)], step=2)
    return root


def frames(root: Path, numbers: Iterable[int] = (1, 2)) -> Path:
    for number in numbers:
        picture(root / f"frame_{number}.png", number)
    return root
