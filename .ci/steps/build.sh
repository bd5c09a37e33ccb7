#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The package, built and installed as a user gets it.
set -euo pipefail

make --no-print-directory setup
"$VENV/bin/python" -c 'import flownet2; print("flownet2", flownet2.__version__)'
