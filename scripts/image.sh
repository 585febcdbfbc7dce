#!/bin/sh
# Builds the image of every service with buildah, which needs no daemon, or else with docker, and writes its bill of
# materials (CycloneDX) into dist/. Prints the image's name, its size, and how much of it lies on top of the base.
#
# BASE=debian makes the base from Debian's packages (debootstrap, as root), where no image registry is reached: its Python
# is Debian's 3.11 then, and it trusts the authorities that this machine trusts.
set -eu
cd "$(dirname "$0")/.."

say() { echo "image: $*"; }
fail() {
    echo "image: $*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
image=hallpulse:$version
base=$(sed -n 's/^FROM \([^ ]*\)$/\1/p' Dockerfile)
made=localhost/hallpulse-base:bookworm
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
bill=dist/hallpulse-$version.cdx.json
trusted=/etc/ssl/certs/ca-certificates.crt

# Make a stand-in of the base from Debian's packages, unless it is there.
make_base() {
    ! buildah inspect --type image $made >/dev/null 2>&1 || return 0
    have debootstrap || fail "debootstrap is not installed: apt-get install debootstrap"
    say "making a base of Debian's packages"
    root=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$root" >/dev/null ||
        { rm -rf "$root" && fail "debootstrap failed"; }
    rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists/* "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -s /usr/bin/python3 "$root/usr/local/bin/python"
    cp $trusted "$root$trusted"
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$root" / >/dev/null
    buildah config --env "SSL_CERT_FILE=$trusted" --env UV_SYSTEM_CERTS=1 --env UV_NATIVE_TLS=1 --env "NODE_EXTRA_CA_CERTS=$trusted" \
        --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" $made >/dev/null
    rm -rf "$root"
}

build_with_buildah() {
    image=localhost/$image
    if [ "${BASE:-}" = debian ]; then
        make_base
        set -- --build-context "$base=container-image://$made"
    else
        made=docker.io/library/$base
    fi
    buildah bud --quiet --isolation chroot --network host --format oci "$@" --tag "$image" \
        --label "org.opencontainers.image.revision=$revision" --label "org.opencontainers.image.base.name=$made" . >/dev/null ||
        fail "buildah could not build it; where no image registry is reached: make image BASE=debian"
    container=$(buildah from --pull-never "$image")
    under=$(buildah from --pull-never "$made")
    cp "$(buildah mount "$container")/usr/share/hallpulse/sbom.cdx.json" "$bill"
    whole=$(megabytes "$(buildah mount "$container")") below=$(megabytes "$(buildah mount "$under")")
    buildah rm "$container" "$under" >/dev/null
    say "$image: $whole MB, $((whole - below)) MB of it on top of $made"
}

megabytes() { du -s --apparent-size --block-size=1000000 "$1" | cut -f 1; }

build_with_docker() {
    docker build --quiet --tag "$image" --label "org.opencontainers.image.revision=$revision" . >/dev/null
    docker run --rm --entrypoint cat "$image" /usr/share/hallpulse/sbom.cdx.json >"$bill"
    say "$image: $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB with its base"
}

mkdir -p dist
if have buildah; then
    build_with_buildah
elif have docker && docker info >/dev/null 2>&1; then
    build_with_docker
else
    fail "needs buildah (apt-get install buildah) or a docker daemon"
fi
say "bill of materials: $bill"
