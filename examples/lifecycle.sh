#!/usr/bin/env bash
# The life of an image's description, from a disk image to its deprecation, and of the image itself, from its
# identifier to a file again: everything is made here, in a temporary folder, and removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

tests/setup.sh
# Not optimised, which takes a quarter of the time: the image is small.
cargo build --locked --quiet --bins --features marketplace
target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
export PATH="$target/debug:$PATH"

folder=$(mktemp -d)
servers=()
trap '[ "${#servers[@]}" -eq 0 ] || kill "${servers[@]}"; rm -rf "$folder"' EXIT
cd "$folder"
export HOME=$folder XDG_CONFIG_HOME=$folder/.config XDG_CACHE_HOME=$folder/.cache
unset "${!STRATUSLAB_@}" "${!http_proxy@}" "${!HTTP_PROXY@}"

# A grid certificate that nobody else trusts, and its key, as browsers export them.
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key.pem -out cert.pem \
    -subj "/C=EU/O=StratusLab Project/CN=Jane Tester" -addext "subjectAltName=email:you@example.org" 2>/dev/null
openssl pkcs12 -export -inkey key.pem -in cert.pem -name jane -out grid.p12 -passout pass:xxxxxx

# A disk image with a partition table and an ext4 file system that holds a file.
image=ttylinux-9.7-i486-base-1.3.img
mkdir root && date >root/made
truncate --size 32M "$image"
/sbin/sfdisk --quiet "$image" <<<"2048,,L"
/sbin/mkfs.ext4 -q -d root -E offset=1048576 "$image" 31M

# A web server that has the image, compressed.
mkdir www && gzip --fast <"$image" >www/ttylinux.gz
/usr/bin/python3 -u -m http.server --directory www --bind 127.0.0.1 0 >serving 2>served &
web=$!
servers+=("$web")
# A Marketplace.
stratus-marketplace serve --listen 127.0.0.1:0 >listening 2>log &
servers+=($!)
for _ in $(seq 100); do [ -s listening ] && [ -s serving ] && break; sleep 0.1; done
location=$(sed -n 's|.*(\(http:.*\)) .*|\1|p' serving)ttylinux.gz

# The configuration that names the Marketplace, and says whose images may be used.
mkdir -p .config/stratuslab
cat >.config/stratuslab/config.toml <<END
marketplace_endpoint = "$(sed 's/^listening on //' listening)"
[policy]
ca_file = "~/cert.pem"
allow_endorsers = ["you@example.org"]
os = ["ttylinux"]
END

# Shows a command, runs it, and stops unless it ends with the status expected.
run() {
    local expected=$1 status=0
    shift
    printf '$ %s\n' "$*"
    "$@" 2>&1 | tee output || status=$?
    [ "$status" -eq "$expected" ] || { echo "error: status $status instead of $expected" >&2; exit 1; }
}
printed() { grep -qE -- "$1" output || { echo "error: not printed: $1" >&2; exit 1; }; }

entry=ttylinux-9.7-i486-base-1.3.xml
url="^http://127\.0\.0\.1:[0-9]+/metadata/[A-Za-z0-9_-]{27}/you@example\.org/[0-9TZ:-]{20}$"

run 0 stratus-build-metadata --author='your name' --os=ttylinux --os-version=9.7 --os-arch=i486 \
    --image-version=1.3 --location="$location" --compression=gz "$image"
run 1 stratus-validate-metadata "$entry"
printed "^Invalid: $entry$"
printed "^no signature$"
run 0 stratus-sign-metadata --p12-cert grid.p12 --p12-password xxxxxx "$entry"
printed "^Manifest file successfully signed: $entry$"
run 0 stratus-validate-metadata --image "$image" "$entry"
printed "^Valid: $entry$"
sha512sum "$image" >SHA512SUMS
run 0 stratus-identify-image --check SHA512SUMS
printed "^$image: OK$"
run 0 stratus-upload-metadata "$entry"
printed "$url"
identifier=$(sed 's|.*/metadata/\([^/]*\)/.*|\1|' output)

# What others do with it: find it, ask whether it may be used, fetch it; then once more, without a network.
run 0 stratus-search-images --os ttylinux
printed "^$identifier"
run 0 stratus-policy-image "$identifier"
printed "$url"
run 0 stratus-download-image --output fetched.img "$identifier"
cmp "$image" fetched.img
kill "$web"
servers=("${servers[@]:1}")
run 0 stratus-download-image --offline --output again.img "$identifier"
cmp "$image" again.img
run 0 stratus-cache verify
printed "^Unaltered: $XDG_CACHE_HOME/stratuslab/images/$identifier/"

run 0 stratus-deprecate-metadata --reason="JUST FOR FUN" --p12-cert=grid.p12 --p12-password=xxxxxx "$identifier"
printed "$url"
deprecated=$(cat output)
run 1 stratus-download-image "$identifier"
printed "is deprecated \(JUST FOR FUN\), rejecting entry$"
run 1 stratus-download-image --offline "$identifier"

# The new entry is what the Marketplace now serves, and it verifies elsewhere too.
curl --silent --show-error --fail --header 'Accept: application/xml' "$deprecated" >deprecated.xml
run 0 stratus-validate-metadata deprecated.xml
printed "deprecated: JUST FOR FUN"
run 0 xmlsec1 --verify --insecure deprecated.xml
