# SPDX-License-Identifier: Apache-2.0
"""Cases that several tests and benchmarks share."""
