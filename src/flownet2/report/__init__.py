# SPDX-License-Identifier: Apache-2.0
"""An evaluation as one page of HTML that needs nothing else: no network, no server, no other file."""

from flownet2.report.page import write_report
from flownet2.report.picks import pictures_shown

__all__ = ["pictures_shown", "write_report"]
