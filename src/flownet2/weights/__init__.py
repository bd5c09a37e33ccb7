# SPDX-License-Identifier: Apache-2.0
"""Weights in and out: foreign checkpoints, our model files."""

from __future__ import annotations

from flownet2.weights.checkpoint import read_checkpoint
from flownet2.weights.importer import import_checkpoint
from flownet2.weights.load import load_model
from flownet2.weights.model import Model
from flownet2.weights.model_file import write_model
from flownet2.weights.safetensors import read_safetensors, write_safetensors

__all__ = [
    "Model",
    "import_checkpoint",
    "load_model",
    "read_checkpoint",
    "read_safetensors",
    "write_model",
    "write_safetensors",
]
