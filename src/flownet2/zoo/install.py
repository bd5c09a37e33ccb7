# SPDX-License-Identifier: Apache-2.0
"""From a name of the catalogue to a model file in the home folder, by download or from a file fetched by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from flownet2.conversion import convert
from flownet2.errors import CheckpointError, InputError, WeightsError
from flownet2.locks import open_alone, remove_held
from flownet2.networks import NETWORKS, build_network
from flownet2.weights import load_model
from flownet2.weights.importer import file_sha256
from flownet2.weights.origins import ORIGINS
from flownet2.zoo.archive import extract, is_archive
from flownet2.zoo.catalogue import Entry, load_catalogue
from flownet2.zoo.fetch import check_space, fetch, hash_fault
from flownet2.zoo.shelf import Seen, downloads_folder, model_file, require_accepted, switch, write_seen
from flownet2.zoo.transfer import Watcher

TIMEOUT_S = 30.0

_STORED_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_SILENT = Watcher()


def supported(entry: Entry) -> bool:
    """Whether our importers read it at present."""
    return any(
        origin.name == entry.origin and (entry.network is None or entry.network in origin.networks)
        for origin in ORIGINS.values()
    )


def parameter_count(entry: Entry) -> int | None:
    """How many weights the network has, None where that is not known beforehand."""
    return build_network(entry.network).parameter_count if entry.network in NETWORKS else None


def installed(entry: Entry) -> bool:
    """Whether its model file is there."""
    return model_file(entry).is_file()


def download(
    entry: Entry,
    *,
    dtype: str = "float32",
    keep: bool = False,
    replace: bool = False,
    timeout: float = TIMEOUT_S,
    watcher: Watcher = _SILENT,
) -> Path:
    """Fetches and converts a checkpoint, unless its model file is there; another process that does so is waited for.

    Args:
        entry: of the catalogue.
        dtype: of the stored weights: "float32", "float16" or "bfloat16".
        keep: leave the checkpoint in the downloads folder.
        replace: do it even if the model file is there.
        timeout: seconds that a server may be silent.
        watcher: is told how it goes.

    Returns:
        The model file.

    Raises:
        LicenseError: its licence is to be accepted first.
        DownloadError: no address gives the right file; the message lists them, and how to do without.
        UnavailableError: pooch is not installed.
        InputError, CheckpointError, WeightsError: what came is not what the catalogue says.
        OSError: files cannot be written.
    """
    target = model_file(entry)
    if target.is_file() and not replace:
        return target
    _require_supported(entry)
    require_accepted(entry, f"flownet2 download {entry.name}")
    folder = downloads_folder()
    with _alone(folder, entry, watcher):
        if target.is_file() and not replace:
            return target  # by the process that was waited for
        original, url = fetch(entry, folder, _further_bytes(entry, dtype), timeout, watcher)
        try:
            _install(entry, original, dtype, url)
        except (CheckpointError, WeightsError):
            original.unlink(missing_ok=True)  # the next try must not find it
            raise
        if not keep:
            original.unlink()
    return target


def import_file(entry: Entry, path: Path, *, dtype: str = "float32", watcher: Watcher = _SILENT) -> Path:
    """Converts a file that was fetched by hand, the archive or the checkpoint in it, as `download` does.

    Returns:
        The model file; `path` stays.

    Raises:
        As `download`, but DownloadError.
    """
    _require_supported(entry)
    require_accepted(entry, f"flownet2 import {shlex.quote(os.fspath(path))} --as {entry.name}")
    path.stat()  # a missing file is told of as such
    with _alone(downloads_folder(), entry, watcher):
        _install(entry, path, dtype, None)
    return model_file(entry)


def find_model(name: str) -> Path | None:
    """The model file of a name of the catalogue; None if the catalogue has no such name, nor one that is near.

    Raises:
        InputError: it is not on this machine, and the message has the command that gets it; or the name is misspelt.
        As `download`, where FLOWNET2_AUTO_DOWNLOAD is on.
    """
    catalogue = load_catalogue()
    if name not in catalogue:
        if catalogue.near(name):
            catalogue.find(name)
        return None
    entry = catalogue[name]
    if installed(entry):
        return model_file(entry)
    if switch("FLOWNET2_AUTO_DOWNLOAD"):
        return download(entry)
    raise InputError(f"the weights of {name} are not on this machine; get them with: flownet2 download {name}")


def _require_supported(entry: Entry) -> None:
    if not supported(entry):
        what = f"{entry.origin}'s {entry.network or 'checkpoints'}"
        raise InputError(f"{entry.name}: this flownet2 does not read {what} yet (pip install -U flownet2)")


def _further_bytes(entry: Entry, dtype: str) -> int:
    """What the model file takes, and the checkpoint that comes out of an archive."""
    count = parameter_count(entry) or 0
    return count * (_STORED_BYTES[dtype] + (4 if entry.member else 0))


@contextlib.contextmanager
def _alone(folder: Path, entry: Entry, watcher: Watcher) -> Iterator[None]:
    """Holds what belongs to the file of an entry; entries of one archive share it."""
    path = folder / f"{entry.file}.lock"
    try:
        lock = open_alone(path)
    except BlockingIOError:
        watcher.note(f"another process has {entry.file}; waiting for it")
        lock = open_alone(path, wait=True)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}; FLOWNET2_HOME can name another folder", str(folder)) from None
    try:
        yield
    finally:
        remove_held(path, lock)


def _install(entry: Entry, path: Path, dtype: str, url: str | None) -> None:
    """Checks a checkpoint, or the one in an archive, and writes its model file and what was seen."""
    if not entry.member or not is_archive(path):
        _convert(entry, path, dtype, url)
        return
    checkpoint = downloads_folder() / f"{entry.name}.tmp"
    try:
        extract(path, entry.member, checkpoint, lambda size: check_space(checkpoint.parent, size))
        _convert(entry, checkpoint, dtype, url)
    finally:
        checkpoint.unlink(missing_ok=True)


def _convert(entry: Entry, checkpoint: Path, dtype: str, url: str | None) -> None:
    digest = file_sha256(checkpoint)
    fault = hash_fault(entry, digest)
    if fault:
        raise CheckpointError(f"{checkpoint}: {fault}")
    model = load_model(checkpoint, entry.network)
    origin = model.info.get("origin")
    if model.stored:
        raise InputError(f"{checkpoint} is a model file already; give its path wherever a model is asked for")
    # NVIDIA's has a second record, which the importer may have taken instead.
    if origin is None or origin.partition("-")[0] != entry.origin:
        raise WeightsError(f"{checkpoint} holds weights of {origin}; those of {entry.name} are {entry.origin}'s")
    info = dict(model.info) | {
        "model": entry.name,
        "license": f"{entry.license.title} ({entry.license.source})",
        "training_data": entry.training_data,
    }
    if entry.member:
        info["source"] = Path(entry.member.rstrip("*")).name
    if url:
        info["source_url"] = url
    target = model_file(entry)
    target.parent.mkdir(parents=True, exist_ok=True)
    convert(target, dataclasses.replace(model, info=info), dtype)
    write_seen(entry, Seen(digest, url))
