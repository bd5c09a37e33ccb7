#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sdist and wheel as they would be published, and an installation from the sdist in an empty environment.
set -euo pipefail

make --no-print-directory wheel

venv=build/ci/sdist-venv
rm -rf "$venv"
"$PYTHON" -m venv "$venv"
start=$SECONDS
"$venv/bin/python" -m pip install -qq dist/flownet2-*.tar.gz
echo "installation from the sdist: $((SECONDS - start)) s (at most 120)"
((SECONDS - start <= 120))
bin=$PWD/$venv/bin
cd /
"$bin/python" -c 'import flownet2; print("flownet2", flownet2.__version__, "from the sdist")'
# Without the extra `cli` a command that needs no pictures must work.
"$bin/flownet2" check
