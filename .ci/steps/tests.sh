#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README's command for the tests.
set -euo pipefail

make --no-print-directory test ARGS="--durations=10"
