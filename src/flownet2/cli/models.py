# SPDX-License-Identifier: Apache-2.0
"""`flownet2 models`: the catalogue of published weights."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from flownet2 import zoo
from flownet2.cli._terminal import aligned, say, say_table
from flownet2.cli._zoo import size, state, wrapped

HELP = "published weights: which there are, which are here"
DESCRIPTION = """\
Lists the published weights of FlowNet 2.0's networks, or shows the card of one:
training data, licence, published numbers, where it comes from, how to get it."""
EXAMPLES = """\
examples:
  flownet2 models
  flownet2 models --origin mmflow --data sintel
  flownet2 models --installed --json
  flownet2 models flownet2-things          the card of one"""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="show the card of this one")
    parser.add_argument("--origin", metavar="TEXT", help="only those of this origin, such as mmflow")
    parser.add_argument("--network", metavar="TEXT", help="only those whose network's name has this in it")
    parser.add_argument("--data", metavar="TEXT", help="only those whose training data has this in it")
    parser.add_argument("--installed", action="store_true", help="only those that are on this machine")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(args: argparse.Namespace) -> int:
    """Prints."""
    catalogue = zoo.load_catalogue()
    if args.name is not None:
        entry = catalogue.find(args.name)
        if args.json:
            say(json.dumps(facts(entry), indent=2))
        else:
            say_table(card(entry))
        return 0
    entries = [entry for entry in catalogue.values() if _wanted(entry, args)]
    if args.json:
        say(json.dumps([facts(entry) for entry in entries], indent=2))
    elif entries:
        titles = ("name", "network", "origin", "trained on", "size", "licence", "state")
        for line in aligned([titles, *map(_row, entries)], "<<<<><<"):
            say(line)
        say("\nflownet2 models NAME tells all of one; flownet2 download NAME gets it.")
    else:
        say("none")
    return 0


def facts(entry: zoo.Entry) -> dict[str, Any]:
    """What `--json` prints of one."""
    return dataclasses.asdict(entry) | {
        "parameters": zoo.parameter_count(entry),
        "supported": zoo.supported(entry),
        "installed": zoo.installed(entry),
        "license_accepted": zoo.accepted(entry.license),
        "path": str(zoo.model_file(entry)),
    }


def card(entry: zoo.Entry) -> list[tuple[str, str]]:
    """What is printed of one for people."""
    terms = entry.license
    rows = [
        ("name", entry.name),
        ("title", entry.title),
        ("network", entry.network or "recognised by its tensors"),
        ("origin", entry.origin),
        ("trained on", entry.training_data),
        ("model file", size(entry) or "size not known before"),
        ("fetched file", entry.file + (f", {entry.megabytes:g} MB as published" if entry.megabytes else "")),
    ]
    if entry.member:
        rows.append(("in it", entry.member))
    digest = entry.sha256 or (f"begins with {entry.sha256_prefix}" if entry.sha256_prefix else "not published")
    rows += [
        ("SHA-256", digest),
        ("from", "\n".join(entry.urls)),
        ("page", entry.page),
        ("licence", "\n".join([*wrapped(f"{terms.title}. {terms.terms}"), terms.source])),
    ]
    numbers = [
        f"{data}: " + ", ".join(f"{metric} {value:g}" for metric, value in table.items())
        for data, table in entry.published.items()
    ]
    rows.append(("published", "\n".join([*numbers, entry.published_source or ""]).strip() or "no numbers"))
    if entry.note:
        rows.append(("note", "\n".join(wrapped(entry.note))))
    return [*rows, ("state", _state(entry))]


def _state(entry: zoo.Entry) -> str:
    if zoo.installed(entry):
        return f"installed: {zoo.model_file(entry)}"
    if not zoo.supported(entry):
        return f"this flownet2 does not read {entry.origin}'s files of it yet"
    return f"not on this machine; get it with: flownet2 download {entry.name}"


def _row(entry: zoo.Entry) -> tuple[str, ...]:
    terms = "research only" if entry.license.research_only else entry.license.title
    return entry.name, entry.title, entry.origin, entry.training_data, size(entry), terms, state(entry)


def _wanted(entry: zoo.Entry, args: argparse.Namespace) -> bool:
    return (
        (args.origin is None or args.origin.lower() == entry.origin)
        and (args.network is None or args.network.lower() in (entry.network or ""))
        and (args.data is None or args.data.lower() in entry.training_data.lower())
        and (not args.installed or zoo.installed(entry))
    )
