#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of `flownet2 eval --report` in headless Chromium: drawn, sorted, filtered, pointed at. The browser is the
# system's and comes with this step alone; `make test` skips these tests where there is none.
set -euo pipefail

bash .ci/steps/packages.sh report
chromium --version
FLOWNET2_BROWSER_TESTS=must make --no-print-directory test ARGS="tests/report --durations=5"
