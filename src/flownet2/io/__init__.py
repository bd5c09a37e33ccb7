# SPDX-License-Identifier: Apache-2.0
"""Flow files and pictures: one format per module, chosen by suffix."""
