# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Functions that several steps share; sourced by them.

# preset_build PRESET FOLDER [CMAKE OPTION ...]: configure, build, run the C++ tests.
# FOLDER instead of the preset's own, so that two compilers do not share one.
preset_build() {
  local preset=$1 folder=$2
  shift 2
  make --no-print-directory tools
  PATH=$PWD/$VENV/bin:$PATH
  # The folder of pybind11 is given, because its own way of telling it breaks on paths with spaces.
  cmake --preset "$preset" -B "$folder" -DPython_EXECUTABLE="$PWD/$VENV/bin/python" \
    -Dpybind11_DIR="$("$VENV/bin/python" -c 'import pybind11; print(pybind11.get_cmake_dir())')" "$@" >"$folder.log" 2>&1 || {
    cat "$folder.log"
    return 1
  }
  cmake --build "$folder"
  ctest --test-dir "$folder" --output-on-failure --no-tests=error
}

# sanitized_pytest FOLDER RUNTIME [PYTEST OPTION ...]: the Python tests against the library built in FOLDER.
# The interpreter is not sanitized, so the runtime (libasan.so, libtsan.so) must be loaded before everything else.
sanitized_pytest() {
  local folder=$1 runtime
  runtime=$(g++ -print-file-name="$2")
  shift 2
  cmake --install "$folder" --prefix "$folder/python" >/dev/null
  PYTHONPATH=$PWD/$folder/python LD_PRELOAD=$runtime "$VENV/bin/python" -m pytest -q -p no:cacheprovider "$@"
}

# python_versions: every supported Python of this machine, one a line, as `3.12 /path/to/python3.12`.
# A command on the path counts only if it runs: version managers leave commands there for Pythons that are off.
python_versions() {
  local minor candidate
  for minor in 10 11 12 13 14; do
    for candidate in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/python; do
      if "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
        printf '3.%s %s\n' "$minor" "$(command -v "$candidate")"
        break
      fi
    done
  done
}
