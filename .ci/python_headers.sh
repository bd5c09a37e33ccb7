#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Debian and Ubuntu keep Python.h in a package of its own. Where it is missing, this unpacks that package into a folder
# (no root needed, nothing installed) and prints what to set for building against it; nothing where it is there.
# Usage: python_headers.sh PYTHON FOLDER
set -euo pipefail

python=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)

read -r version include < <("$python" -c 'import sys, sysconfig
print("%d.%d" % sys.version_info[:2], sysconfig.get_path("include"))')
if [[ -e $include/Python.h ]]; then
  exit 0
fi

root=$folder/python$version-headers
headers=$root/usr/include/python$version
if [[ ! -e $headers/Python.h ]]; then
  rm -rf "$root" && mkdir -p "$root"
  (cd "$root" && apt-get -qq download "libpython$version-dev") >&2
  dpkg-deb -x "$root"/libpython*.deb "$root"
  rm -f "$root"/libpython*.deb
fi
# The package's pyconfig.h includes the one of this machine's architecture from the folder above.
echo "CPLUS_INCLUDE_PATH=$headers:$root/usr/include${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}"
echo "CMAKE_ARGS=-DPython_INCLUDE_DIR=$headers -DPython3_INCLUDE_DIR=$headers ${CMAKE_ARGS:-}"
