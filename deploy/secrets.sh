#!/bin/sh
# Draws the secrets of a deployment into deploy/secrets, once: what is there already stays. Nothing of it is committed.
#
#   secrets.sh                   draws what is missing
#   secrets.sh rotate [NAME...]  draws new ones for these, or for all: database broker services gateway read_token
#                                metrics_token notices_token prometheus alertmanager
#   secrets.sh done              forgets the previous ones, once `prepare` and all services have started with the new
#
# Only their owner may read them (0600, in a directory of 0700). Compose mounts the files as they are, and each is read
# inside a container by the user that runs there: as root this script gives every file to that user, by number. As
# another user it leaves them to that user: enough for `kubectl create secret`, and for containers that run as you.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)/secrets
mkdir -p "$here"
chmod 700 "$here"

suite=10001 database=999 broker=999 nobody=65534 grafana=472
services="gateway ingest catalogue targets reports notices"

draw() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # name, user who reads it, content
    [ -e "$here/$1" ] || printf '%s' "$3" >"$here/$1"
    chmod 600 "$here/$1"
    [ "$(id -u)" -ne 0 ] || chown "$2:$2" "$here/$1"
}
known() { cat "$here/$1"; }
fail() {
    echo "secrets.sh: $1" >&2
    exit "$2"
}

draw_missing() {
    keep database_password $database "$(draw)"
    keep broker_password $broker "$(draw)"
    keep gateway_password $suite "$(draw)"
    keep read_token $suite "$(draw)"
    keep metrics_token $suite "$(draw)"
    keep notices_token $suite "$(draw)"
    keep prometheus_password $suite "$(draw)"
    keep alertmanager_password $suite "$(draw)"
    keep grafana_password $grafana "$(draw)"
    # The tables' owner, for `prepare` and the administrator's commands; then each service's own role.
    keep database_url $suite "postgresql://hallpulse:$(known database_password)@database:5432/hallpulse"
    for service in $services; do
        keep "${service}_database_url" $suite "postgresql://$service:$(draw)@database:5432/hallpulse"
    done
    keep amqp_url $suite "amqp://hallpulse:$(known broker_password)@broker:5672/%2F"
    keep gateway_amqp_url $suite "amqp://gateway:$(known gateway_password)@broker:5672/%2F"
    keep alertmanager_url $suite "http://hallpulse:$(known alertmanager_password)@alertmanager:9093"
    # Of KEDA, which asks from another namespace how long the queues are (deploy/k8s/components/scaling).
    keep scaler_amqp_url $suite "amqp://hallpulse:$(known broker_password)@broker.hallpulse.svc:5672/%2F"
    keep management_url $suite "http://hallpulse:$(known broker_password)@broker:15672"
    keep broker_conf $broker "default_user = hallpulse
default_pass = $(known broker_password)
loopback_users = none
"
    keep channels $suite "receivers: {}
"
    # The same secrets where another user's container reads them.
    keep prometheus_metrics_token $nobody "$(known metrics_token)"
    keep prometheus_alertmanager_password $nobody "$(known alertmanager_password)"
    keep prometheus_own_password $nobody "$(known prometheus_password)"
    keep alertmanager_notices_token $nobody "$(known notices_token)"
    keep grafana_prometheus_password $grafana "$(known prometheus_password)"
    # Empty but during a rotation: by the previous ones `prepare` gives the owner and the broker's user the new ones.
    keep previous_database_url $suite ""
    keep previous_management_url $suite ""
    # Of an earlier version, in which all services had one role.
    rm -f "$here/service_password" "$here/service_database_url"
}

password_in() { # name of a file with a URL
    sed -n 's|^[a-z+]*://[^:/@]*:\([^@]*\)@.*|\1|p' "$here/$1"
}
replace() { # what, old, new: writes the new one wherever the old one stands, whatever else an operator wrote there
    case $2 in
    "" | *[!0-9A-Za-z_-]*) fail "$1: expected a secret of letters, digits, _ and -: change it by hand" 1 ;;
    esac
    for file in "$here"/*; do
        case $file in "$here"/previous_*) continue ;; esac
        grep -qF -e "$2" "$file" || continue
        content=$(sed "s/$2/$3/g" "$file" && printf x)
        printf '%s' "${content%x}" >"$file" # into the same file, which containers have mounted
    done
}
everything="database broker services gateway read_token metrics_token notices_token prometheus alertmanager"
turn() { # name of what is rotated
    case $1 in
    database) replace "$1" "$(password_in database_url)" "$(draw)" ;;
    broker) replace "$1" "$(password_in management_url)" "$(draw)" ;;
    gateway) replace "$1" "$(password_in gateway_amqp_url)" "$(draw)" ;;
    services) for service in $services; do
        replace "$service" "$(password_in "${service}_database_url")" "$(draw)"
    done ;;
    read_token | metrics_token | notices_token) replace "$1" "$(known "$1")" "$(draw)" ;;
    prometheus | alertmanager) replace "$1" "$(known "$1_password")" "$(draw)" ;;
    esac
}
rotate() {
    if [ -s "$here/previous_database_url" ] || [ -s "$here/previous_management_url" ]; then
        fail "the last rotation is not done: run prepare, start the services again, then: secrets.sh done" 1
    fi
    # shellcheck disable=SC2086 # one word a name
    [ $# -gt 0 ] || set -- $everything
    for name in "$@"; do
        case " $everything " in
        *" $name "*) ;;
        *) fail "unknown: $name, expected some of $everything (Grafana's own password is changed in Grafana)" 2 ;;
        esac
    done
    cat "$here/database_url" >"$here/previous_database_url"
    cat "$here/management_url" >"$here/previous_management_url"
    for name in "$@"; do turn "$name"; done
}

action=${1:-draw}
[ $# -eq 0 ] || shift
case $action in
draw) draw_missing ;;
rotate)
    draw_missing
    rotate "$@"
    ;;
done)
    : >"$here/previous_database_url"
    : >"$here/previous_management_url"
    ;;
*) fail "expected nothing, rotate or done, got $action" 2 ;;
esac
echo "$here"
