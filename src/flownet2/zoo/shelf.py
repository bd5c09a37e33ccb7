# SPDX-License-Identifier: Apache-2.0
"""Where the zoo keeps things in the home folder: models, what was seen of their files, licences that were accepted.

models/NAME.safetensors   a model file
models/NAME.json          SHA-256 and address of the checkpoint it was made of
licenses/KEY.txt          terms that the user has accepted
downloads/                what is being fetched, with its locks
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from flownet2.atomic import atomic_write
from flownet2.errors import InputError, LicenseError
from flownet2.home import home_folder
from flownet2.zoo.catalogue import Entry, License

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def switch(variable: str) -> bool:
    """Whether an environment variable is on.

    Raises:
        InputError: it is neither on nor off.
    """
    value = os.environ.get(variable, "").strip().lower()
    if value not in _TRUE + _FALSE:
        raise InputError(f"{variable} must be 1 or 0, got {value!r}")
    return value in _TRUE


def model_file(entry: Entry) -> Path:
    """Where the converted model is, or will be."""
    return home_folder() / "models" / f"{entry.name}.safetensors"


def downloads_folder() -> Path:
    """Where checkpoints are fetched to."""
    return home_folder() / "downloads"


@dataclass(frozen=True)
class Seen:
    """What is known of the checkpoint that a model was made of.

    Attributes:
        sha256: of the checkpoint.
        url: where it came from, None if a person had fetched it.
    """

    sha256: str
    url: str | None


def seen_file(entry: Entry) -> Path:
    """Where `Seen` is kept. It outlives the model, so that a checkpoint that changes is noticed."""
    return home_folder() / "models" / f"{entry.name}.json"


def read_seen(entry: Entry) -> Seen | None:
    """What was seen, None before the first time.

    Raises:
        InputError: the file is damaged.
        OSError: it cannot be read.
    """
    path = seen_file(entry)
    try:
        told = json.loads(path.read_text("utf-8"))
        seen = Seen(told["sha256"], told["url"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        seen = None
    if seen is None or not isinstance(seen.sha256, str) or len(seen.sha256) != 64:
        raise InputError(f"{path} is damaged; delete it, and the next download is taken as the first")
    return seen


def write_seen(entry: Entry, seen: Seen) -> None:
    """Keeps it.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_write(seen_file(entry)) as file:
        file.write(json.dumps({"sha256": seen.sha256, "url": seen.url}, indent=1).encode() + b"\n")


def accepted(terms: License) -> bool:
    """Whether weights under these terms may be used: they are free, or the user has agreed to just this text."""
    if not terms.research_only:
        return True
    try:
        return _license_file(terms).read_text("utf-8") == _license_text(terms)
    except (OSError, UnicodeDecodeError):
        return False


def accept(terms: License) -> None:
    """Keeps that the user has agreed.

    Raises:
        OSError: it cannot be written.
    """
    path = _license_file(terms)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(_license_text(terms).encode())


def require_accepted(entry: Entry, command: str) -> None:
    """Refuses weights under terms that nobody has agreed to; the message ends with the command that agrees.

    Raises:
        LicenseError: the terms, and how to agree.
    """
    if not accepted(entry.license):
        raise LicenseError(
            f"{entry.name} is under the {entry.license.title}: {entry.license.terms} (From {entry.license.source}.) "
            f"If you agree: {command} --accept-license"
        )


def _license_file(terms: License) -> Path:
    return home_folder() / "licenses" / f"{terms.key}.txt"


def _license_text(terms: License) -> str:
    return f"{terms.title}\n{terms.terms}\n{terms.source}\n"
