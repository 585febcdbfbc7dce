#!/bin/sh
# Installs Pathway, a peer of `make bench`, into .venv-pathway, as bench/peers/pathway.txt says: 142 packages, 1.4 GB on disk, and
# none of them in the product. Run again it only looks. Where it cannot be installed, the bench leaves this peer out and says so.
set -eu

cd "$(dirname "$0")/.."
wanted=bench/peers/pathway.txt
stamp=.venv-pathway/.hallpulse-setup
uv=uv
[ ! -x .venv-uv/bin/uv ] || uv=.venv-uv/bin/uv

state="$(cksum <$wanted) $PWD"
[ ! -f $stamp ] || [ "$(cat $stamp)" != "$state" ] || exit 0
echo "setup: installing Pathway, a peer of the bench, into .venv-pathway"
if UV_PYTHON_DOWNLOADS=never "$uv" venv --quiet --clear --python .venv/bin/python .venv-pathway &&
    "$uv" pip install --quiet --require-hashes --python .venv-pathway/bin/python --requirement $wanted; then
    echo "$state" >$stamp
else
    rm -rf .venv-pathway
    echo "setup: it could not be installed: the bench leaves Pathway out" >&2
fi
