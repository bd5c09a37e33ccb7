#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The quick tests on every Python of this machine, with the oldest NumPy that flownet2 allows and with the newest.
set -euo pipefail
. .ci/lib.sh

folder=build/ci/pythons
mkdir -p "$folder"
rows=()
failed=0

try() { # version, interpreter, NumPy requirement
  local venv=$folder/$1-${3//[^0-9.]/} wheels=$folder/wheels-$1
  rm -rf "$venv"
  "$2" -m venv "$venv" || return 1
  "$venv/bin/python" -m pip install -qq --upgrade pip || return 1
  if [[ ! -d $wheels ]]; then
    "$venv/bin/python" -m pip wheel -qq --no-deps --wheel-dir "$wheels" . || return 1
  fi
  "$venv/bin/python" -m pip install -qq "$wheels"/flownet2-*.whl "$3" --group test || return 1
  "$venv/bin/python" -m pytest -q -m "not slow" -p no:cacheprovider || return 1
}

rm -rf "$folder"/wheels-*
while read -r version python; do
  requirements=("numpy")
  # NumPy 1.26 has wheels up to Python 3.12.
  [[ $version == 3.13 || $version == 3.14 ]] || requirements+=("numpy==1.26.*")
  for requirement in "${requirements[@]}"; do
    echo "---- Python $version, $requirement"
    start=$SECONDS
    result=ok
    try "$version" "$python" "$requirement" </dev/null || result=FAILED failed=1
    rows+=("$(printf 'Python %-5s %-14s %-7s %4d s' "$version" "$requirement" "$result" $((SECONDS - start)))")
  done
done < <(python_versions)

printf '%s\n' "${rows[@]}"
for minor in 10 11 12 13 14; do
  grep -q "Python 3.$minor " <<<"${rows[*]}" || echo "Python 3.$minor  not on this machine"
done
((failed == 0))
