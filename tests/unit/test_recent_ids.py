"""The guess at what may be stored already."""

from __future__ import annotations

import pytest

from services.ingest import recent
from services.ingest.recent import RecentIds


def ids(*numbers: int) -> set[bytes]:
    return {str(number).encode() for number in numbers}


def test_what_came_lately_is_doubtful_and_what_did_not_is_not() -> None:
    guess = RecentIds()
    assert guess.doubtful(ids(1, 2, 3)) == set()
    assert guess.doubtful(ids(3, 4)) == ids(3)
    assert guess.doubtful(ids(1, 4, 5)) == ids(1, 4)


def test_after_a_wrong_guess_everything_is_doubtful_for_a_while() -> None:
    guess = RecentIds()
    guess.was_wrong()
    for number in range(recent.DISTRUST_BATCHES):
        assert guess.doubtful(ids(number)) == ids(number)
    assert guess.doubtful(ids(99)) == set()


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "REMEMBERED", 100)
    guess = RecentIds()
    for number in range(1000):
        guess.doubtful(ids(number))
    assert guess.doubtful(ids(*range(900, 1000), 1)) == ids(*range(900, 1000))
    assert len(guess._newer) + len(guess._older) <= 300
