#!/bin/sh
# Draws the secrets of a deployment into deploy/secrets, once: what is there already stays. Nothing of it is committed.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)/secrets
mkdir -p "$here"
draw() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -e "$here/$1" ] || printf '%s' "$2" > "$here/$1"; }
keep database_password "$(draw)"
keep service_password "$(draw)"
keep broker_password "$(draw)"
keep gateway_password "$(draw)"
keep read_token "$(draw)"
keep notices_token "$(draw)"
keep grafana_password "$(draw)"
keep database_url "postgresql://hallpulse:$(cat "$here/database_password")@database:5432/hallpulse"
keep service_database_url "postgresql://service:$(cat "$here/service_password")@database:5432/hallpulse"
keep amqp_url "amqp://hallpulse:$(cat "$here/broker_password")@broker:5672/%2F"
keep gateway_amqp_url "amqp://gateway:$(cat "$here/gateway_password")@broker:5672/%2F"
keep management_url "http://hallpulse:$(cat "$here/broker_password")@broker:15672"
keep broker_conf "default_user = hallpulse
default_pass = $(cat "$here/broker_password")
loopback_users = none
"
keep channels "receivers: {}
"
# Containers read these as users of their own.
chmod 755 "$here"
chmod 444 "$here"/*
echo "$here"
