#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tests that `make test` leaves out.
set -euo pipefail

make --no-print-directory test ARGS='-m slow --durations=20'
