# SPDX-License-Identifier: Apache-2.0
"""The catalogue: which weights are published, where, by whom, under which terms. One JSON file, checked strictly."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from flownet2.errors import InputError

FORMAT = "flownet2 catalogue 1"
BUILT_IN = Path(__file__).with_name("catalogue.json")
VARIABLE = "FLOWNET2_CATALOGUE"
"""Names another file than the built-in one."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEX = re.compile(r"[0-9a-f]*")
_LARGEST_BYTES = 16 << 20


@dataclass(frozen=True)
class License:
    """The terms of weights.

    Attributes:
        key: short name.
        title: one line.
        research_only: whether the terms are to be accepted before use.
        terms: what they say.
        source: address of the text they were taken from.
    """

    key: str
    title: str
    research_only: bool
    terms: str
    source: str


@dataclass(frozen=True)
class Entry:
    """One published checkpoint.

    Attributes:
        name: what `flownet2.load` and the commands call it.
        title: as its publishers call the network.
        network: ours, such as "flownet2css-sd"; None where it is recognised by the tensors.
        origin: whose importer reads it, such as "mmflow".
        training_data: in words.
        license: its terms.
        file: name of what is fetched.
        member: of an archive, which file is the checkpoint; a last "*" stands for any ending. None: `file` is it.
        urls: where it is, most wanted first.
        page: a page that links it, for people.
        sha256: of the checkpoint, None where none is published.
        sha256_prefix: its first digits, where a file name tells them.
        megabytes: size as its page tells it.
        published: data set -> metric -> value.
        published_source: address of these numbers.
        note: anything else worth knowing.
    """

    name: str
    title: str
    network: str | None
    origin: str
    training_data: str
    license: License
    file: str
    member: str | None
    urls: tuple[str, ...]
    page: str
    sha256: str | None
    sha256_prefix: str | None
    megabytes: float | None
    published: Mapping[str, Mapping[str, float]]
    published_source: str | None
    note: str | None

    def publishes(self, file: str, origin: str) -> bool:
        """Whether its checkpoint has that file name, and that origin (an origin's second record has an ending)."""
        name = PurePosixPath(self.member or self.file).name
        named = file.startswith(name[:-1]) if name.endswith("*") else file == name
        return named and origin.partition("-")[0] == self.origin


class Catalogue(Mapping[str, Entry]):
    """Entries by name, in the order of the file."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def near(self, name: str) -> list[str]:
        """Names that a misspelt one may mean."""
        return difflib.get_close_matches(name.lower(), self._entries, n=3, cutoff=0.8)

    def publishing(self, file: str, origin: str) -> Entry | None:
        """The entry whose checkpoint has that file name and origin."""
        return next((entry for entry in self._entries.values() if entry.publishes(file, origin)), None)

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            InputError: there is none; the message offers near names.
        """
        if name in self._entries:
            return self._entries[name]
        near = self.near(name)
        hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
        raise InputError(f"there is no model {name!r}{hint}; flownet2 models lists all")


def load_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue of a file; of $FLOWNET2_CATALOGUE, else the built-in one, where none is named.

    Raises:
        InputError: it is not as docs/models.md tells; the message names the file and the place.
        OSError: it cannot be read.
    """
    chosen = path or Path(os.environ.get(VARIABLE) or BUILT_IN)
    stat = chosen.stat()
    return _load(chosen.absolute(), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _load(path: Path, _changed: int, size: int) -> Catalogue:
    if size > _LARGEST_BYTES:
        raise InputError(f"{path}: {size} bytes are too many for a catalogue")
    try:
        return parse_catalogue(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:  # InputError, and what json and utf-8 raise
        raise InputError(f"{path}: {error}") from None


def parse_catalogue(text: str) -> Catalogue:
    """The catalogue of a JSON text.

    Raises:
        ValueError: it is no JSON, or not as it must be; the message tells where.
    """
    top = _fields(json.loads(text, object_pairs_hook=_unique), "", {"format", "licenses", "models"})
    if top["format"] != FORMAT:
        raise InputError(f"format is {top['format']!r}, this flownet2 reads {FORMAT!r}")
    if not isinstance(top["licenses"], dict) or not isinstance(top["models"], list):
        raise InputError("licenses must be an object, models a list")
    licenses = {key: _license(key, value) for key, value in top["licenses"].items()}
    entries: dict[str, Entry] = {}
    for index, value in enumerate(top["models"]):
        entry = _entry(value, f"models[{index}]", licenses)
        if entry.name in entries:
            raise InputError(f"models[{index}]: the name {entry.name!r} is there twice")
        entries[entry.name] = entry
    return Catalogue(entries)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise InputError(f"the field {twice!r} is there twice")
    return content


def _fields(value: Any, place: str, names: set[str]) -> dict[str, Any]:
    """An object with just these fields."""
    where = f"{place}: " if place else ""
    if not isinstance(value, dict):
        raise InputError(f"{where}expected an object, got {type(value).__name__}")
    faults = [f"no field {name!r}" for name in sorted(names - value.keys())]
    faults += [f"unknown field {name!r}" for name in sorted(value.keys() - names)]
    if faults:
        raise InputError(where + ", ".join(faults))
    return value


def _license(key: str, value: Any) -> License:
    place = f"licenses[{key!r}]"
    told = _fields(value, place, {field.name for field in dataclasses.fields(License)} - {"key"})
    for name in ("title", "terms"):
        _text(told, name, place)
    _address(told["source"], f"{place}.source")
    if not isinstance(told["research_only"], bool) or not _NAME.fullmatch(key):
        raise InputError(f"{place}: research_only must be true or false, and its key a short name")
    return License(key=key, **told)


def _entry(value: Any, place: str, licenses: Mapping[str, License]) -> Entry:
    told = _fields(value, place, {field.name for field in dataclasses.fields(Entry)})
    for name in ("name", "title", "origin", "training_data", "license", "file", "page"):
        _text(told, name, place)
    for name in ("network", "member", "published_source", "note"):
        if told[name] is not None:
            _text(told, name, place)
    for name, form in (("name", _NAME), ("network", _NAME), ("file", _FILE)):
        if told[name] is not None and not form.fullmatch(told[name]):
            raise InputError(f"{place}: {name} {told[name]!r} has characters that it may not have")
    _hash(told, place)
    if told["license"] not in licenses:
        raise InputError(f"{place}: no license {told['license']!r}; there are {', '.join(licenses)}")
    urls = told["urls"]
    if not isinstance(urls, list) or not urls or len(set(map(str, urls))) != len(urls):
        raise InputError(f"{place}: urls must be a list of addresses, none of them twice")
    for url in (*urls, told["page"], *filter(None, [told["published_source"]])):
        _address(url, place)
    size = told["megabytes"]
    if size is not None and not _is_number(size):
        raise InputError(f"{place}: megabytes must be a positive number or null")
    _published(told["published"], f"{place}.published")
    return Entry(**{**told, "urls": tuple(urls), "license": licenses[told["license"]]})


def _text(told: Mapping[str, Any], name: str, place: str) -> None:
    if not isinstance(told[name], str) or not told[name].strip() or not told[name].isprintable():
        raise InputError(f"{place}: {name} must be a text of one line, got {told[name]!r}")


def _hash(told: Mapping[str, Any], place: str) -> None:
    for name, lengths in (("sha256", {64}), ("sha256_prefix", set(range(8, 64)))):
        digits = told[name]
        if digits is None:
            continue
        if not isinstance(digits, str) or len(digits) not in lengths or not _HEX.fullmatch(digits):
            raise InputError(f"{place}: {name} must be lower-case hexadecimal digits or null, got {digits!r}")


def _address(url: Any, place: str) -> None:
    try:
        parts = urlsplit(url) if isinstance(url, str) and url.isprintable() and " " not in url else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InputError(f"{place}: {url!r} is no http or https address")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e9


def _published(value: Any, place: str) -> None:
    metrics = list(value.values()) if isinstance(value, dict) else [None]
    if not all(isinstance(table, dict) and table and all(map(_is_number, table.values())) for table in metrics):
        raise InputError(f"{place}: expected data set -> metric -> number")
