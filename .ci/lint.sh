#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every static check; all of them run, and the exit status says whether one failed. `make lint` calls this.
set -euo pipefail

bin=${VENV:-.venv}/bin
failed=()

check() { # name, command
  local name=$1
  shift
  if "$@"; then
    printf 'ok      %s\n' "$name"
  else
    printf 'FAILED  %s\n' "$name"
    failed+=("$name")
  fi
}

mapfile -d '' cpp < <(find csrc examples tests \( -name '*.[ch]pp' -o -name '*.[ch]' -o -name '*.inl' \) -print0)
mapfile -d '' scripts < <(find .ci -type f \( -name '*.sh' -o -name run \) -print0)

check "ruff check" "$bin/ruff" check --quiet .
check "ruff format" "$bin/ruff" format --quiet --check .
check "mypy --strict" "$bin/mypy" --no-error-summary
check "clang-format" "$bin/clang-format" --dry-run -Werror "${cpp[@]}"
check "codespell" "$bin/codespell"
check "stubtest" "$bin/python" -m mypy.stubtest flownet2._core --concise
# Not a Python package of its own: checked where the system has it, which `.ci/run --full` sees to.
if command -v shellcheck >/dev/null; then
  check "shellcheck" shellcheck -x "${scripts[@]}"
fi

if ((${#failed[@]})); then
  echo "lint failed: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')" >&2
  exit 1
fi
