#!/usr/bin/env bash
# Installs what is missing, then runs every test.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh tests
cargo test --locked "$@"
# The library stands without what only the commands need; its peers have judged it above.
STRATUSLAB_SKIP_PEERS=1 cargo test --locked --no-default-features "$@"
