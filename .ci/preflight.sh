#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Says in one go what this machine lacks for building flownet2, and how to get it. Usage: preflight.sh [PYTHON]
set -euo pipefail

python=${1:-python3}
missing=()
packages=()

lacks() { # what it is, its package on Debian and Ubuntu
  missing+=("$1")
  packages+=("$2")
}

# It must also run: version managers put commands on the path for Pythons that are not switched on.
if ! "$python" -c '' 2>/dev/null; then
  lacks "$python was not found" "python3 python3-venv python3-dev"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  lacks "$("$python" --version 2>&1) is too old: flownet2 needs 3.10 or newer (another one: make PYTHON=python3.12)" \
    "python3 python3-venv python3-dev"
else
  "$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "$python has no venv module" python3-venv
  bash "$(dirname "$0")/python_headers.sh" "$python" build >/dev/null 2>&1 ||
    lacks "the C headers of $python (Python.h), and apt-get cannot fetch them" python3-dev
fi

compiler=${CXX:-}
for candidate in c++ g++ clang++; do
  [[ -n $compiler ]] || ! command -v "$candidate" >/dev/null || compiler=$candidate
done
if [[ -z $compiler ]]; then
  lacks "a C++17 compiler (c++, g++ or clang++)" g++
elif ! echo 'int main() { if constexpr (true) { return 0; } }' |
  $compiler -std=c++17 -fsyntax-only -x c++ - 2>/dev/null; then
  lacks "a C++17 compiler: $compiler does not take -std=c++17" g++
fi

if ((${#missing[@]})); then
  {
    echo "flownet2 cannot be built here. What is missing:"
    printf '  - %s\n' "${missing[@]}"
    echo "On Debian or Ubuntu: sudo apt-get install $(printf '%s\n' "${packages[@]}" | tr ' ' '\n' | sort -u | tr '\n' ' ')"
  } >&2
  exit 1
fi
