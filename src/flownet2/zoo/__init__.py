# SPDX-License-Identifier: Apache-2.0
"""Published weights by name: a catalogue, downloads that survive dead links, files that were fetched by hand."""

from __future__ import annotations

from flownet2.zoo.catalogue import Catalogue, Entry, License, load_catalogue
from flownet2.zoo.install import download, find_model, import_file, installed, parameter_count, supported
from flownet2.zoo.shelf import accept, accepted, model_file
from flownet2.zoo.transfer import Watcher

__all__ = [
    "Catalogue",
    "Entry",
    "License",
    "Watcher",
    "accept",
    "accepted",
    "download",
    "find_model",
    "import_file",
    "installed",
    "load_catalogue",
    "model_file",
    "parameter_count",
    "supported",
]
