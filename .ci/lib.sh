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
# The interpreter is not sanitized, so the runtime (libasan.so, libtsan.so) must be loaded before everything else; and
# libstdc++ with it, because the runtime looks for the function that throws when it starts.
# Reports go to files, because pytest keeps what a dying test wrote to the terminal. NumPy's matrix products run on
# one thread: the thread sanitizer cannot see how OpenBLAS synchronises and would report it.
sanitized_pytest() {
  local folder=$1 runtime status=0
  runtime="$(g++ -print-file-name="$2") $(g++ -print-file-name=libstdc++.so)"
  shift 2
  cmake --install "$folder" --prefix "$folder/python" >/dev/null
  rm -f "$folder"/report.*
  # Leaks: the interpreter itself keeps memory until it exits; the C++ tests look for ours.
  local log="log_path='$PWD/$folder/report'"
  ASAN_OPTIONS=detect_leaks=0:$log TSAN_OPTIONS="$log:suppressions='$PWD/.ci/tsan.supp'" \
    UBSAN_OPTIONS=print_stacktrace=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH=$PWD/$folder/python LD_PRELOAD=$runtime \
    "$VENV/bin/python" -m pytest -q -p no:cacheprovider -m "not slow" "$@" || status=$?
  tail -n 60 "$folder"/report.* 2>/dev/null || true
  return "$status"
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
