# SPDX-License-Identifier: Apache-2.0
"""Every error this package raises on purpose: one family, each member also a built-in kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class FlowNet2Error(Exception):
    """Base of all errors raised by flownet2; the message says what came, what was expected, how to mend it."""


class InputError(FlowNet2Error, ValueError):
    """An argument has the wrong dtype, shape, range or value."""


class GraphError(FlowNet2Error, ValueError):
    """A graph or its text is not valid; the message lists every fault."""


class WeightsError(FlowNet2Error, ValueError):
    """Weights do not fit the network: missing, unexpected or misshapen tensors, all listed."""


class CheckpointError(FlowNet2Error, ValueError):
    """A checkpoint or model file is broken, hostile or of a kind that is not read; the message names the file."""


class ImageError(FlowNet2Error, ValueError):
    """A picture file cannot be read or written; the message names the file."""


class FlowFileError(FlowNet2Error, ValueError):
    """A flow file cannot be read or written; the message names the file."""


class DatasetError(FlowNet2Error, ValueError):
    """A data set is not as it is published; the message says what was expected where, and what is there."""


class DownloadError(FlowNet2Error, RuntimeError):
    """Weights could not be fetched; the message lists what was tried, and how to do without."""


class LicenseError(FlowNet2Error, RuntimeError):
    """Weights whose licence has terms that nobody has accepted on this machine yet; the message has the terms."""


class UnavailableError(FlowNet2Error, RuntimeError):
    """Something optional is not there: a package extra, a device, an executor, a precision."""


@contextmanager
def compiled_errors() -> Iterator[None]:
    """What the compiled module refuses is a ValueError there, an InputError of the same text here."""
    try:
        yield
    except ValueError as error:
        raise InputError(str(error)) from None
