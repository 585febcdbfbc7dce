#!/bin/sh
# The store's tests on a Citus cluster that is there already: docs/citus.md says what it needs.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${HALLPULSE_CITUS_URL:-}" ]; then
	echo "citus-test: HALLPULSE_CITUS_URL names no cluster: nothing was tried (docs/citus.md)"
	exit 0
fi
for workers in ${HALLPULSE_CITUS_WORKERS:-2 4}; do
	echo "citus-test: $workers workers"
	HALLPULSE_CITUS_WORKERS=$workers .venv/bin/pytest -q tests/citus tests/integration/test_corrections.py -k "not version_before" \
		tests/integration/test_exactness.py tests/integration/test_ingest.py tests/integration/test_targets_service.py \
		tests/integration/test_recompute.py::test_everything_derived_can_be_made_from_the_events_alone \
		tests/integration/test_recompute.py::test_a_check_sees_one_moment_while_merges_go_on
done
