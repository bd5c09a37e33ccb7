# SPDX-License-Identifier: Apache-2.0
"""`flownet2 import`: a checkpoint that was fetched by hand takes its place in the catalogue."""

from __future__ import annotations

import argparse
from pathlib import Path

from flownet2 import zoo
from flownet2.cli._terminal import say
from flownet2.cli._zoo import Console, add_options, agree

HELP = "use a checkpoint of the catalogue that was fetched by hand"
DESCRIPTION = """\
Checks a file against the catalogue (network, origin, SHA-256 where one is known)
and converts it to a model file in the home folder, as a download would. The file
stays. Weights of your own need no name: flownet2 convert."""
EXAMPLES = """\
examples:
  flownet2 import FlowNet2_checkpoint.pth.tar --as flownet2-nvidia
  flownet2 import flownet2-models.tar.gz --as flownet2ss-thin-caffe
  flownet2 import checkpoint.pth --as flownet2-things --float16"""


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("file", metavar="FILE", help="the checkpoint, or the archive that it comes in")
    parser.add_argument("--as", dest="name", metavar="NAME", required=True, help="as flownet2 models lists it")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Converts."""
    entry = zoo.load_catalogue().find(args.name)
    agree(entry, args.accept_license)
    path = zoo.import_file(entry, Path(args.file), dtype=args.dtype, watcher=Console())
    say(f"{entry.name}: {path}, {path.stat().st_size / 1e6:.1f} MB")
    return 0
