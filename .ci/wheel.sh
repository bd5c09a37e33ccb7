#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds sdist and wheel into dist/ and checks them. VENV names an environment with the dev group (`make wheel`).
set -euo pipefail

bin=$(cd "${VENV:-.venv}/bin" && pwd)

rm -rf dist
# The wheel is built from the sdist, so this also shows that the sdist is complete.
"$bin/python" -m build --outdir dist . >/dev/null 2>&1 || "$bin/python" -m build --outdir dist .

if [[ $(uname -s) == Linux ]]; then
  for wheel in dist/*-linux_*.whl; do
    "$bin/auditwheel" show "$wheel"
    # Gives the wheel its manylinux tag, or fails if it links to something that other machines lack.
    PATH=$bin:$PATH "$bin/auditwheel" repair --wheel-dir dist "$wheel" 2>&1
    rm "$wheel"
  done
fi

"$bin/python" -m twine check --strict dist/*
"$bin/python" .ci/check_artifacts.py dist
