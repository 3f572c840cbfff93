#!/usr/bin/env bash
# Fuzzes every target, or those named, for SECONDS_EACH seconds (60), as many at once as there are cores.
# Fails if a target finds something, and shows it.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)

# Without a sanitizer, which would need a nightly compiler: what must not happen is asserted.
export CARGO_TARGET_DIR=$PWD/target/fuzz
cargo fuzz build --sanitizer none

fuzz() {
    local target=$1 found=target/fuzz/found/$1 log=target/fuzz/$1.log status=0
    rm -rf "$found"
    # What is new goes into the first folder, the seeds stay as they are.
    mkdir -p "$found" "target/fuzz/corpus/$target"
    cargo fuzz run --sanitizer none "$target" "target/fuzz/corpus/$target" "fuzz/corpus/$target" -- \
        "-max_total_time=$seconds" -timeout=30 -max_len=10000 "-artifact_prefix=$found/" >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ] || [ -n "$(ls -A "$found")" ]; then
        echo "fuzz $target: failed" >&2
        tail -n 60 "$log" >&2
        for file in "$found"/*; do
            [ -e "$file" ] || continue
            echo "-- $file" >&2
            head -c 4000 "$file" | od --address-radix=x --format=x1z >&2
        done
        return 1
    fi
    echo "fuzz $target: $(grep '^Done' "$log")"
}
export -f fuzz
export seconds
printf '%s\n' "${targets[@]}" | xargs --max-procs="$(nproc)" --replace bash -c 'fuzz {}'
