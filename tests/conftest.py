# SPDX-License-Identifier: Apache-2.0
"""What all tests share: the skip policy, and property tests that repeat themselves exactly in CI."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = ["pytester", "skip_policy"]

# No deadline: on a busy machine a slow example says nothing. In CI a failure must be repeatable.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
