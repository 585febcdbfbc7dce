"""The SQL of docs/retention.md does what the page says."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import psycopg

from hallpulse.domain.figures import Figure, Scope
from hallpulse.store import Store, open_archive, open_store
from tests.integration.test_store import YEAR, case, cloud_event, item
from tests.merging import NOW, decoded, merge_all
from tests.moments import ask

PAGE = (Path(__file__).parents[2] / "docs" / "retention.md").read_text("utf-8")
COUNTY, OTHER = 222424, 222401
KEPT = {"audit", "case_reads"}
"""Named on the page as what stays."""


def test_a_deleted_region_leaves_nothing_behind_and_others_as_they_were(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    reports = [
        cloud_event("tally.reported", "2026-03-02T18:00:00", "t", {
            "date": "2026-03-02", "revision": 1, "accepted": 3, "rejected": 0, "unified_accepted": 3,
            "full_process_accepted": 3, "decided": 3, "instant_decided": 1,
        }),
        cloud_event("figure.reported", "2026-03-02T18:00:00", "f", {
            "indicator": "disclosure_loss", "period": "2026-03", "revision": 0, "numerator": 1, "denominator": 24,
        }),
    ]  # fmt: skip
    mine = [item(5, "2026-01-01", "i"), *case(1), *case(2), *reports]
    others = [{**event, "source": f"/{OTHER}/hall-1"} for event in mine]
    merge_all(store, decoded([*mine, *others, mine[0], others[0]]), 100)
    open_archive(store_url, tmp_path).take(date(2026, 4, 1), (0, 999_999), NOW)
    for region in (COUNTY, OTHER):
        store.halls.add(region, "hall-1", ["case"], f"{region:064}")
    with psycopg.connect(store_url, autocommit=True) as connection:
        tables = [name for (name,) in connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'region' AND table_schema = 'public'"
        )]  # fmt: skip
        for table in ("archived_events", "archive_files"):
            rows = connection.execute(f"SELECT DISTINCT region FROM {table} ORDER BY 1".encode()).fetchall()
            assert rows == [(OTHER,), (COUNTY,)]
        assert {"events", "cases", "cells", "item_cells", "tallies", "figures", "tokens", "regions"} <= set(tables)
        found = re.search(r"```sql\n(.*?)```", PAGE, re.DOTALL)
        assert found is not None
        connection.execute(found[1].encode())
        for table in set(tables) - KEPT:
            rows = connection.execute(f"SELECT count(*) FROM {table} WHERE region = %s".encode(), [COUNTY]).fetchone()
            assert rows == (0,), table
    fresh = open_store(store_url)
    try:
        assert ask(fresh).regions() == [OTHER]
        assert ask(fresh).figures(Scope(OTHER), YEAR)["mean_elapsed_days"] == Figure(8, 2)
        assert ask(fresh).figures(Scope(222400), YEAR)["mean_elapsed_days"] == Figure(8, 2)
        assert fresh.recompute(check=True) == []
    finally:
        fresh.close()


def test_a_copied_region_is_recomputed_from_its_events_alone(store: Store, store_url: str) -> None:
    merge_all(store, decoded([item(5, "2026-01-01", "i"), *case(1)]), 100)
    copied = re.search(r"\\copy (\(SELECT .*?\)) TO", PAGE)
    assert copied is not None
    with psycopg.connect(store_url, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY {copied[1]} TO STDOUT (FORMAT binary)".encode()) as out:
            rows = b"".join(bytes(part) for part in out)
        connection.execute("TRUNCATE events, ledger, cases, cells, item_spans, item_cells, hall_days, regions")
        with connection.cursor().copy(b"COPY events FROM STDIN (FORMAT binary)") as back:
            back.write(rows)
    fresh = open_store(store_url)
    try:
        fresh.recompute(check=False)
        assert ask(fresh).figures(Scope(COUNTY), YEAR)["mean_elapsed_days"] == Figure(4, 1)
        assert fresh.recompute(check=True) == []
    finally:
        fresh.close()
