#!/usr/bin/env bash
# Installs what is missing, then runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh tests
# The tests interrupt commands, which take no notice of signals that are ignored from the start, as
# shells have it for what they run in the background.
run=(env "--default-signal=INT,TERM,HUP" cargo test --locked)
"${run[@]}" --features marketplace "$@"
# The library stands without what only the commands need; its peers have judged it above.
STRATUSLAB_SKIP_PEERS=1 "${run[@]}" --no-default-features "$@"
