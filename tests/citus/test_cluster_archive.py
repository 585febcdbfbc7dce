"""`hallpulse archive` on a cluster: it says why it does not, and what to do instead; nothing is moved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from hallpulse.domain.errors import Halt
from hallpulse.store import EventArchive, Store, open_archive
from tests.citus_cluster import VARIABLE, CitusCluster, cluster_url
from tests.ingesting import stored
from tests.merging import NOW, decoded, merge_all
from tests.oracle.streams import stream

pytestmark = pytest.mark.skipif(cluster_url() is None, reason=f"{VARIABLE} names no cluster (docs/citus.md)")
EVERYWHERE = (100_000, 999_999)
BEFORE = date(2026, 10, 1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda archive: archive.preview(BEFORE, EVERYWHERE),
        lambda archive: archive.take(BEFORE, EVERYWHERE, NOW),
        lambda archive: archive.restore([]),
    ],
    ids=["preview", "take", "restore"],
)
def test_an_archive_is_refused_with_the_reason_and_what_to_do(
    postgres: CitusCluster, store: Store, store_url: str, tmp_path: Path, ask: Callable[[EventArchive], object]
) -> None:
    assert postgres.workers
    merge_all(store, decoded(stream(33, 200)), 200)
    before = stored(store)
    with pytest.raises(Halt, match=r"each worker tells duplicates .* add a worker before a disk is full"):
        ask(open_archive(store_url, tmp_path))
    assert stored(store) == before > 0
    assert list(tmp_path.iterdir()) == []
    assert store.recompute(check=True) == []
