"""The guess at what may be stored already."""

from __future__ import annotations

import pytest

from services.ingest import worker
from services.ingest.worker import RecentIds


def ids(*numbers: int) -> set[bytes]:
    return {str(number).encode() for number in numbers}


def test_what_came_lately_is_doubtful_and_what_did_not_is_not() -> None:
    recent_ids = RecentIds()
    assert recent_ids.guess(ids(1, 2, 3)) == (set(), False)
    assert recent_ids.guess(ids(3, 4)) == (ids(3), False)
    assert recent_ids.guess(ids(1, 4, 5)) == (ids(1, 4), False)


def test_after_an_old_double_was_met_others_are_expected_for_a_while() -> None:
    recent_ids = RecentIds()
    recent_ids.missed_some()
    for number in range(worker.DISTRUST_BATCHES):
        assert recent_ids.guess(ids(number)) == (set(), True)
    assert recent_ids.guess(ids(99, 1)) == (ids(1), False)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "REMEMBERED", 100)
    recent_ids = RecentIds()
    for number in range(1000):
        recent_ids.guess(ids(number))
    assert recent_ids.guess(ids(*range(900, 1000), 1)).doubtful == ids(*range(900, 1000))
    assert len(recent_ids._newer) + len(recent_ids._older) <= 300
