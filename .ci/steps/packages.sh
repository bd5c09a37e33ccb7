#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what .ci/packages.txt lists and this machine lacks, all of it where FULL is set; and nvcc.
# With words, the packages of these steps too, and no nvcc: `bash .ci/steps/packages.sh report`.
set -euo pipefail

want="always $*"
[[ -z ${FULL:-} ]] || want+=" full"
nvcc=$((!$#))

trim() { sed 's/^[[:space:]]*//; s/[[:space:]]*$//' <<<"$1"; }

missing=()
while IFS='|' read -r name when present; do
  name=$(trim "$name")
  [[ -n $name && $name != \#* ]] || continue
  [[ " $want " == *" $(trim "$when") "* ]] || continue
  bash -c "$present" >/dev/null 2>&1 || missing+=("$name")
done <.ci/packages.txt

if ((${#missing[@]} == 0)); then
  echo "all system packages are present"
  ((nvcc)) || exit 0
  exec bash .ci/nvcc.sh
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || {
    echo "missing: ${missing[*]}; installing them needs root or sudo: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}")
# The package lists may be there already; if not, or if they are old, they are fetched and it is tried once more.
"${install[@]}" >/dev/null 2>&1 || {
  "${as_root[@]}" apt-get update -qq
  "${install[@]}" >/dev/null
}
((nvcc)) || exit 0
exec bash .ci/nvcc.sh
