#!/bin/sh
# Draws the secrets of a deployment into deploy/secrets, once: what is there already stays. Nothing of it is committed.
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

draw() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # name, user who reads it, content
    [ -e "$here/$1" ] || printf '%s' "$3" >"$here/$1"
    chmod 600 "$here/$1"
    [ "$(id -u)" -ne 0 ] || chown "$2:$2" "$here/$1"
}
known() { cat "$here/$1"; }

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
for service in gateway ingest catalogue targets reports notices; do
    keep "${service}_database_url" $suite "postgresql://$service:$(draw)@database:5432/hallpulse"
done
keep amqp_url $suite "amqp://hallpulse:$(known broker_password)@broker:5672/%2F"
keep gateway_amqp_url $suite "amqp://gateway:$(known gateway_password)@broker:5672/%2F"
keep alertmanager_url $suite "http://hallpulse:$(known alertmanager_password)@alertmanager:9093"
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
# Of an earlier version, in which all services had one role.
rm -f "$here/service_password" "$here/service_database_url"
echo "$here"
