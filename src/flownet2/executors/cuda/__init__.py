# SPDX-License-Identifier: Apache-2.0
"""The executor for NVIDIA GPUs."""
