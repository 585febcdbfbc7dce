#!/bin/sh
# Installs the providers of sign-ins that tests ask into .venv-provider: Canaille, as tests/provider/requirements.txt
# says (its package does not fit into the project's own environment), and, where there are Node and npm, oidc-provider,
# as tests/provider/package-lock.json says. Run again it only looks. Without a package index, or without Node, the tests
# that need them are skipped.
set -eu

cd "$(dirname "$0")/.."
wanted=tests/provider/requirements.txt
stamp=.venv-provider/.hallpulse-setup
uv=uv
[ ! -x .venv-uv/bin/uv ] || uv=.venv-uv/bin/uv

state="$(cksum <$wanted) $PWD"
if [ ! -f $stamp ] || [ "$(cat $stamp)" != "$state" ]; then
    echo "setup: installing the tests' provider of sign-ins into .venv-provider"
    if UV_PYTHON_DOWNLOADS=never "$uv" venv --quiet --clear --python .venv/bin/python .venv-provider &&
        "$uv" pip install --quiet --require-hashes --python .venv-provider/bin/python --requirement $wanted; then
        echo "$state" >$stamp
    else
        echo "setup: it could not be installed: the tests of signing in by a provider are skipped" >&2
    fi
fi

lock=tests/provider/package-lock.json
node=.venv-provider/node
state="$(cksum <$lock) $PWD"
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "setup: no Node and npm: the tests of signing in by a second provider are skipped" >&2
elif [ ! -f $node/.hallpulse-setup ] || [ "$(cat $node/.hallpulse-setup)" != "$state" ]; then
    echo "setup: installing the tests' second provider of sign-ins into $node"
    mkdir -p $node
    cp tests/provider/package.json $lock $node
    if (cd $node && npm ci --silent --ignore-scripts --omit=dev --no-audit --no-fund); then
        echo "$state" >$node/.hallpulse-setup
    else
        echo "setup: it could not be installed: the tests of signing in by a second provider are skipped" >&2
    fi
fi
