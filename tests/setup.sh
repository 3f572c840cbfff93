#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the example need and that are missing.
set -euo pipefail

packages=(
    # build: a C compiler, and OpenSSL with its headers
    gcc make perl pkg-config libssl-dev
    # the peers the tests compare with
    openssl xmlsec1 libxml2-utils default-jdk-headless bzip2 xz-utils zstd
    # what the example and the tests make images and look at pages with
    e2fsprogs fdisk qemu-utils mandoc tmux curl shellcheck
)

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
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
