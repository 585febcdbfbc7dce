#!/bin/sh
# Installs everything that `make demo` needs on this machine; with the argument `test` or `bench`, also the needs of
# `make test` or `make bench`. If all is installed, it only checks.
#
# Debian packages come from apt, Python packages from uv.lock into .venv, and what the page takes from npm with the package
# itself (hatch_build.py; Node is not needed). No service is started, and installed packages are not changed. systemd
# units of newly installed packages are disabled.
set -eu

purpose=${1:-demo}
cd "$(dirname "$0")/.."
stamp=.venv/.hallpulse-setup

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

case $purpose in demo | test | bench) ;; *) fail "expected demo, test or bench, got $purpose" ;; esac

# --- what is missing ---------------------------------------------------------------------------------------------

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

# Find a Python that may be too old or too new for the suite, but can install uv.
find_bringer() {
    for candidate in python3 python; do
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

have_rabbitmq() { [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || [ -x /opt/rabbitmq/sbin/rabbitmq-server ]; }
have_browser() { have chromium || have chromium-browser || have google-chrome; }
have_cjk_font() { [ -d /usr/share/fonts/opentype/noto ] || { have fc-list && [ -n "$(fc-list :lang=zh)" ]; }; }
is_uv() { case $("$1" --version 2>/dev/null) in "uv $uv_version" | "uv $uv_version "*) ;; *) return 1 ;; esac }

missing_packages() {
    have_rabbitmq || echo rabbitmq-server
    have prometheus || echo prometheus
    have prometheus-alertmanager || have alertmanager || echo prometheus-alertmanager
    if ! is_uv uv && ! is_uv .venv-uv/bin/uv && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")'
    fi
}

# Without these some tests are skipped. Ubuntu has no Chromium as a Debian package.
missing_test_packages() {
    have_cjk_font || echo fonts-noto-cjk
    have_browser || [ "$distribution" = ubuntu ] || echo chromium
}

libraries=services/gateway/libraries
lock_state() { cat uv.lock pyproject.toml hatch_build.py $libraries/package-lock.json | cksum; }
is_synced() {
    [ -x .venv/bin/hallpulse ] && [ -f $stamp ] && [ -d $libraries/node_modules/d3 ] || return 1
    case $1 in demo) enough="demo test bench" ;; test) enough="test bench" ;; *) enough=$1 ;; esac
    for had in $enough; do
        [ "$(cat $stamp)" != "$had $(lock_state) $PWD" ] || return 0
    done
    return 1
}

# --- Debian packages ---------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

may_install() {
    have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }; }
}

check_may_install() {
    have apt-get || fail "missing: $*; there is no apt-get here: install these programs, then run make again"
    may_install || fail "missing packages, and no right to install them: have an administrator run:" \
        "apt-get install --no-install-recommends $*"
}

policy=/usr/sbin/policy-rc.d
mark="written by hallpulse scripts/setup.sh while it installs; delete it"
wrote_policy=

remove_policy() {
    [ -z "$wrote_policy" ] || as_root rm -f $policy
    wrote_policy=
}

# While this file says 101, package scripts start no service. An existing file is another person's decision and is left
# alone, unless a killed run of this script left it behind.
forbid_starts() {
    [ ! -e $policy ] || grep -q "$mark" $policy 2>/dev/null || return 0
    trap remove_policy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    wrote_policy=yes
    printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

units_of() { dpkg -L "$1" | sed -n 's#^\(/usr\)\{0,1\}/lib/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$#\2#p'; }

disable_units_of() {
    have systemctl || return 0
    for unit in $(units_of "$1"); do
        as_root systemctl disable "$unit" >/dev/null 2>&1 || true
        [ ! -d /run/systemd/system ] || as_root systemctl stop "$unit" >/dev/null 2>&1 || true
    done
}

# Run apt-get. It waits by itself for the lock of dpkg, but not for the locks of its package lists and archives. Fails if
# another apt holds one of these for longer than $lock_seconds, or if apt-get fails.
run_apt() {
    waited=0
    until as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -qq -o "DPkg::Lock::Timeout=$lock_seconds" "$@" \
        </dev/null >"$log" 2>&1; do
        grep -q '^E: Could not get lock' "$log" && [ $waited -lt $lock_seconds ] || return 1
        [ $waited != 0 ] || say "waiting for another apt to end"
        sleep 5
        waited=$((waited + 5))
    done
}

install_packages() {
    check_may_install "$@"
    say "installing Debian packages: $*"
    servers=
    for package in rabbitmq-server erlang-base prometheus prometheus-alertmanager; do
        is_installed $package || servers="$servers $package"
    done
    forbid_starts
    run_apt update || say "apt-get update failed; going on with the package lists that are there"
    run_apt install -y --no-install-recommends "$@" ||
        { tail -n 5 "$log" >&2 && fail "apt-get could not install: $* (all it said: $log)"; }
    for package in $servers; do
        ! is_installed $package || disable_units_of $package
    done
    remove_policy
    rm -f "$log"
}

# --- Python packages ---------------------------------------------------------------------------------------------

uv_program() {
    if is_uv uv; then
        echo uv
        return
    fi
    if ! is_uv .venv-uv/bin/uv; then
        say "installing uv $uv_version into .venv-uv" >&2
        "$python" -m venv --clear .venv-uv >&2
        .venv-uv/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version" >&2 ||
            fail "pip could not install uv $uv_version: is a package index reachable?"
    fi
    echo .venv-uv/bin/uv
}

sync_python() {
    uv=$(uv_program)
    say "installing Python packages into .venv, as uv.lock says"
    case $purpose in demo) groups="--no-dev --inexact" ;; bench) groups="--group bench" ;; *) groups= ;; esac
    # uv may keep its earlier build of the package, which does not bring the page's libraries.
    [ -d $libraries/node_modules/d3 ] || groups="$groups --reinstall-package hallpulse"
    # shellcheck disable=SC2086 # some options, or none
    # Compiled modules let each command and each process of the suite start in a third of the time.
    UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 \
        "$uv" sync --quiet --frozen --all-extras $groups --python "$python" ||
        fail "uv could not install the Python packages (see above)"
    [ -d $libraries/node_modules/d3 ] ||
        say "npm could not be reached: the page shows tables in place of charts until make setup is run again"
    if [ -x .venv/bin/python ]; then .venv/bin/python -m compileall -q -j 0 services shared || true; fi
    echo "$purpose $(lock_state) $PWD" >$stamp
}

# Let uv download a Python into the home directory, unless UV_PYTHON_DOWNLOADS=never forbids it.
bring_python() {
    case ${UV_PYTHON_DOWNLOADS:-} in never | manual) return 1 ;; esac
    python=$(find_bringer)
    [ -n "$python" ] || is_uv uv || is_uv .venv-uv/bin/uv || return 1
    uv=$(uv_program) || return 1
    say "no Python 3.11, 3.12 or 3.13 on this machine: uv brings $brought"
    "$uv" python install --quiet "$brought" >&2 && python=$("$uv" python find --no-project "$brought")
}

# -----------------------------------------------------------------------------------------------------------------

distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-}" || true)
log=${TMPDIR:-/tmp}/hallpulse-apt.$$
lock_seconds=600
uv_version=$(sed -n 's/^ARG UV_VERSION=//p' Dockerfile)
brought=3.13
python=$(find_python)
[ -n "$python" ] || bring_python || fail "Python 3.11, 3.12 or 3.13 is needed and there is none: Debian 12 and Ubuntu 24.04 have it" \
    "as python3; on older ones install python3.11 and python3.11-venv first"

missing=$(missing_packages)
# shellcheck disable=SC2086 # one package a word
[ -z "$missing" ] || install_packages $missing
if [ "$purpose" = test ]; then
    missing=$(missing_test_packages)
    # shellcheck disable=SC2086
    if [ -n "$missing" ]; then
        if may_install; then install_packages $missing; else say "no right to install" $missing; fi
    fi
fi
is_synced "$purpose" || sync_python
if [ "$purpose" = test ] && ! have_browser; then
    say "no browser: the tests that need one are skipped (apt-get install chromium; on Ubuntu: snap install chromium)"
fi
