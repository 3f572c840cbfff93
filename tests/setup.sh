#!/usr/bin/env bash
# Installs the Debian packages that are missing to build and run the example; with the argument
# `tests`, those the tests need as well.
set -euo pipefail

packages=(
    # a C compiler, and OpenSSL with its headers
    gcc libc6-dev make perl pkg-config libssl-dev
    # the example: a certificate, a disk image, a second opinion
    openssl fdisk e2fsprogs curl xmlsec1
)
if [ "${1:-}" = tests ]; then
    # the peers the tests compare with, and what shows pages, terminals and, in the bench, memory
    packages+=(procps libxml2-utils default-jdk-headless bzip2 xz-utils zstd mandoc shellcheck time)
    # what makes images of every format
    packages+=(qemu-utils xorriso)
    # tokens without hardware
    packages+=(softhsm2 p11-kit-modules)
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
        || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "installing: ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: not root and no sudo; install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update \
    && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm "$log"
