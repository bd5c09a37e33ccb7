# SPDX-License-Identifier: Apache-2.0
"""Tests of the installed library flownet2_cuda. FLOWNET2_CUDA_LIBRARY is its prefix, which .ci/steps/embed.sh built."""

from __future__ import annotations

import os

collect_ignore_glob = [] if "FLOWNET2_CUDA_LIBRARY" in os.environ else ["test_*.py"]
