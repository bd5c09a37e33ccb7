# SPDX-License-Identifier: Apache-2.0
"""`python -m flownet2` is the command `flownet2`."""

from __future__ import annotations

import sys

from flownet2.cli import main

if __name__ == "__main__":
    sys.exit(main())
