#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every fuzz target for FUZZ_SECONDS (30). The corpora grow in build/ci/fuzz/corpus from one run to the next, and begin
# with tests/fuzz/seeds. What crashes, hangs or takes too much memory fails the step, and is kept there to be looked at.
# Of the instruction sets there are two: sanitizers make each take minutes to build, and the step asan looks at all.
set -euo pipefail

seconds=${FUZZ_SECONDS:-30}
folder=build/ci/fuzz
corpora=$folder/corpus
longest=16384 # bytes of an input

make --no-print-directory tools
PATH=$PWD/$VENV/bin:$PATH
mkdir -p "$folder"
cmake -S . -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFLOWNET2_FUZZ=ON \
  -DCMAKE_CXX_FLAGS=-Wno-pass-failed -DFLOWNET2_HAS_avx512=OFF -DFLOWNET2_HAS_avx512_bf16=OFF -DFLOWNET2_HAS_amx=OFF \
  >"$folder.log" 2>&1 || {
  cat "$folder.log"
  exit 1
}
cmake --build "$folder"

# fuzz TARGET [MORE SEEDS ...]
fuzz() {
  local target=$1 log=$folder/fuzz_$1.log status=0
  local seeds=(tests/fuzz/seeds/"$target" "${@:2}")
  mkdir -p "$corpora/$target" "$folder/findings"
  "$folder/tests/fuzz/fuzz_$target" "$corpora/$target" "${seeds[@]}" -dict=tests/fuzz/json.dict -max_len=$longest \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$folder/findings/${target}_" >"$log" 2>&1 || status=$?
  awk -v target="$target" '/number_of_executed_units/ { all = $2 } /average_exec_per_sec/ { each = $2 }
    END { printf "fuzz_%s: %d executions, %d a second\n", target, all, each }' "$log"
  ((status == 0)) || {
    tail -n 60 "$log"
    echo "fuzz_$target failed; run it again with: $folder/tests/fuzz/fuzz_$target INPUT"
    ls "$folder/findings/${target}_"* || true
  }
  return "$status"
}

failed=0
fuzz json || failed=1
fuzz model_file tests/data/checkpoints/safetensors || failed=1
fuzz graph_plan || failed=1
exit "$failed"
