# SPDX-License-Identifier: Apache-2.0
"""`flownet2 download`: published weights become model files in the home folder."""

from __future__ import annotations

import argparse

from flownet2 import zoo
from flownet2.cli._options import positive_seconds
from flownet2.cli._terminal import Tally, describe, is_failure, say
from flownet2.cli._zoo import Console, add_options, agree

HELP = "get published weights by name"
DESCRIPTION = """\
Fetches checkpoints of the catalogue, checks them and converts them to model
files in the home folder, where `--model NAME` finds them. A download that was
cut goes on where it ended. FLOWNET2_OFFLINE=1 forbids all downloads; proxies
are those of the environment (https_proxy, no_proxy)."""
EXAMPLES = """\
examples:
  flownet2 download flownet2-things
  flownet2 download flownets-chairs flownetc-chairs --float16
  flownet2 download flownet2-caffe --accept-license --keep

then: flownet2 infer a.png b.png -o flow.flo --model flownet2-things"""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("names", metavar="NAME", nargs="+", help="as flownet2 models lists it")
    add_options(parser)
    parser.add_argument("--keep", action="store_true", help="keep the checkpoint beside the model file made of it")
    parser.add_argument("--force", action="store_true", help="fetch and convert even what is there")
    parser.add_argument(
        "--timeout",
        type=positive_seconds,
        metavar="SECONDS",
        default=30,
        help="how long a server may be silent (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Gets one after the other; 1 if one failed."""
    catalogue = zoo.load_catalogue()
    entries = [catalogue.find(name) for name in dict.fromkeys(args.names)]
    watcher, tally = Console(), Tally()
    for index, entry in enumerate(entries):
        shared = any(later.file == entry.file for later in entries[index + 1 :])
        try:
            if zoo.installed(entry) and not args.force:
                say(f"{entry.name} is there: {zoo.model_file(entry)}")
                continue
            agree(entry, args.accept_license)
            path = zoo.download(
                entry,
                dtype=args.dtype,
                keep=args.keep or shared,
                replace=args.force,
                timeout=args.timeout,
                watcher=watcher,
            )
        except Exception as error:
            if not is_failure(error) or len(entries) == 1:
                raise
            tally.failures.append(describe(error))  # which names it
        else:
            say(f"{entry.name}: {path}, {path.stat().st_size / 1e6:.1f} MB")
    return tally.close()
