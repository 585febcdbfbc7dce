#!/bin/sh
# Prints the rendered rules as PrometheusRule objects, one a file: for a cluster with the Prometheus operator.
set -eu
cd "$(dirname "$0")/../../plans/_gen/rules"
for file in *.yml; do
    printf -- '---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n'
    printf 'metadata: {name: %s, namespace: hallpulse, labels: {app.kubernetes.io/part-of: hallpulse}}\nspec:\n' "rules-${file%.yml}"
    sed 's/^/  /' "$file"
done
