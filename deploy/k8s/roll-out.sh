#!/bin/sh
# Brings an overlay into the cluster that kubectl speaks to, in the order that an update wants: servers and settings, then the
# Job `prepare` to its end (tables, roles, queues), then the services. Run again it changes nothing that stands.
#
# deploy/k8s/roll-out.sh deploy/k8s/overlays/county
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OVERLAY" >&2 && exit 2; }
patience=${PATIENCE:-30m}
made=$(mktemp)
trap 'rm -f "$made"' EXIT
kubectl kustomize "$1" --load-restrictor LoadRestrictionsNone >"$made"

# By the server's own apply: the rules are too long for the annotation that the client's keeps.
apply() { kubectl apply --server-side --force-conflicts -f "$made" --selector "$1"; }

kubectl create namespace hallpulse --dry-run=client -o yaml | kubectl apply --server-side --force-conflicts -f -
kubectl -n hallpulse get secret hallpulse >/dev/null # made beforehand, from deploy/secrets
# A Job cannot be changed, only made again.
kubectl -n hallpulse delete job prepare --ignore-not-found
apply 'stage!=services'
if grep -q '^kind: ServiceMonitor' "$made"; then "$here/rules.sh" | kubectl apply --server-side --force-conflicts -f -; fi
kubectl -n hallpulse wait job/prepare --for=condition=complete --timeout="$patience"
apply stage=services
kubectl -n hallpulse rollout status deployment --selector stage=services --timeout="$patience"
