#!/usr/bin/env bash
# Installs the Debian packages that are missing to build and run the example; with the argument
# `tests`, those the tests need as well, and Python packages in an environment of their own; with `fuzz`,
# what fuzzing needs on top of that.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    # a C compiler, and OpenSSL with its headers
    gcc libc6-dev make perl pkg-config libssl-dev
    # the example: a certificate, a disk image, a web server, a second opinion
    openssl fdisk e2fsprogs python3 curl xmlsec1
)
case "${1:-}" in tests | fuzz)
    # the peers the tests compare with, and what shows pages, terminals and, in the bench, memory
    packages+=(procps libxml2-utils default-jdk-headless bzip2 xz-utils zstd mandoc shellcheck time)
    # what makes images of every format
    packages+=(qemu-utils xorriso)
    # the web server that images lie on, and a file system that copies by reference
    packages+=(nginx-light xfsprogs)
    # tokens without hardware
    packages+=(softhsm2 p11-kit-modules)
    # the Marketplace's other database
    packages+=(postgresql)
    # where signxml and aiosmtpd live
    packages+=(python3-venv)
    # what reads the unit of the Marketplace; it need not run
    packages+=(systemd)
    # what looks at the pages, and a font to read them in
    packages+=(chromium chromium-driver fonts-dejavu-core)
    ;;
esac
if [ "${1:-}" = fuzz ]; then
    # libFuzzer is C++; libxml2 judges inside the fuzzer, and bindgen reads its headers with clang
    packages+=(g++ libxml2-dev libclang-dev)
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
        || missing+=("$package")
done
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Says nothing unless it fails.
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }; }
if [ "${#missing[@]}" -gt 0 ]; then
    echo "installing: ${missing[*]}" >&2
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "error: not root and no sudo; install: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    quietly "${as_root[@]}" apt-get update
    quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${missing[@]}"
fi
[ "${1:-}" != "" ] || exit 0

# The environment remembers what was installed into it.
if ! cmp --silent tests/python/requirements.txt target/peers/requirements.txt; then
    echo "installing: what tests/python/requirements.txt names" >&2
    rm -rf target/peers
    # Debian's own Python, which is the one that the packages above are for.
    quietly /usr/bin/python3 -m venv target/peers
    quietly target/peers/bin/python -m pip install --quiet --requirement tests/python/requirements.txt
    cp tests/python/requirements.txt target/peers/
fi

# Of this one file is wanted, so that what it needs is left out.
if ! cmp --silent tests/python/axe.txt target/peers/axe.txt; then
    quietly target/peers/bin/python -m pip install --quiet --no-deps --requirement tests/python/axe.txt
    cp tests/python/axe.txt target/peers/
fi
