#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Static checks of Python, C++ and shell.
set -euo pipefail

make --no-print-directory lint
