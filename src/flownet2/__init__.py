# SPDX-License-Identifier: Apache-2.0
"""FlowNet 2.0 optical flow without PyTorch."""
