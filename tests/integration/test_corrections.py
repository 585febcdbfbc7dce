"""Corrections and retractions in any set, order and batching, against the brute-force reading of the domain page."""

from __future__ import annotations

import itertools
import random
from datetime import date
from typing import Any

import msgspec
import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hallpulse.domain.clockface import flag_names
from hallpulse.domain.figures import Scope, Window
from hallpulse.store import CaseFilter, Expected, Store, open_store
from hallpulse.store.database import open_engine
from hallpulse.store.migration import alembic_config
from tests.merging import NOW, decoded
from tests.moments import ask
from tests.oracle import brute

TODAY = date(2026, 11, 24)
YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
WEEK = Window(date(2026, 3, 2), date(2026, 3, 6))
IDS = [f"e{number}" for number in range(9)]
_regions = itertools.count(230_101)

CASE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "case.received": {
        "item_code": st.sampled_from(["i", "j"]),
        "department": st.sampled_from(["甲", "乙"]),
        "channel": st.just("window"),
        "promised_days": st.sampled_from([None, 1, 3]),
    },
    "case.accepted": {"promised_days": st.sampled_from([None, 2, 5]), "unified": st.sampled_from([None, True])},
    "case.rejected": {},
    "case.suspended": {"procedure": st.just("hearing")},
    "case.resumed": {},
    "case.extended": {"days": st.integers(1, 2)},
    "case.supplement_requested": {},
    "case.decided": {"outcome": st.sampled_from(["granted", "refused", "forwarded", "terminated"])},
    "case.rated": {"score": st.integers(1, 5), "automatic": st.sampled_from([None, False, True])},
    "case.rating_answered": {"verified": st.booleans(), "rectified": st.booleans()},
    "case.withdrawn": {},
    "case.retracted": {"event_id": st.sampled_from(IDS)},
}
ITEM: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "item.published": {
        "name": st.just("事项"),
        "department": st.sampled_from(["甲", "乙"]),
        "kind": st.just("licensing"),
        "handling": st.just("promised"),
        "effective_from": st.sampled_from(["2026-01-01", "2026-03-04"]),
        "statutory_days": st.just(20),
        "promised_days": st.integers(1, 6),
    },
    "item.retired": {"effective_from": st.sampled_from(["2026-01-01", "2026-03-04"])},
    "item.retracted": {"event_id": st.sampled_from(IDS)},
}
COUNTS = ("accepted", "rejected", "unified_accepted", "full_process_accepted", "decided", "instant_decided")
TALLY: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "tally.reported": {"revision": st.integers(0, 2), **{name: st.integers(0, 9) for name in COUNTS}},
    "tally.retracted": {"event_id": st.sampled_from(IDS)},
}
FIGURE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "figure.reported": {"revision": st.integers(0, 2), "numerator": st.integers(0, 9), "denominator": st.just(9)},
    "figure.retracted": {"event_id": st.sampled_from(IDS)},
}
FAMILIES = (
    (CASE, {"case_id": st.sampled_from(["c", "c", "c", "d"])}),
    (ITEM, {"item_code": st.sampled_from(["i", "i", "j"])}),
    (TALLY, {"date": st.sampled_from(["2026-03-20", "2026-03-20", "2026-03-21"])}),
    (FIGURE, {"indicator": st.just("loss"), "period": st.just("2026-02"), "department": st.sampled_from([None, "甲"])}),
)


@st.composite
def events(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Of two halls, each with ids of its own; nearly half of them correct an event, or an id that is not there."""
    found = []
    for family, subject in FAMILIES[:1] * 3 + FAMILIES[1:]:
        for hall in ("hall-1", "hall-2"):
            chosen = draw(st.lists(st.sampled_from(sorted(family)), max_size=6 if family is CASE else 3))
            found += [draw(_event(hall, kind, {**family[kind], **subject})) for kind in chosen]
    taken = {}
    for event in found:
        free = [id_ for id_ in [*IDS, *map(str, range(90))] if (event["source"], id_) not in taken]
        event["id"] = draw(st.sampled_from(free[:5]))
        taken[event["source"], event["id"]] = event
    return found


@st.composite
def _event(draw: st.DrawFn, hall: str, kind: str, data: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    said = {name: value for name, strategy in data.items() if (value := draw(strategy)) is not None}
    named = draw(st.none() | st.none() | st.sampled_from(IDS))
    day, hour = draw(st.integers(2, 12)), draw(st.sampled_from(["09:00:00", "09:00:05", "15:00:00"]))
    return {
        "specversion": "1.0", "id": "", "source": f"/REGION/{hall}", "type": f"hall.{kind}.v1",
        "time": f"2026-03-{day:02}T{hour}+08:00", "data": said | ({} if named is None else {"corrects": named}),
    }  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events(), st.randoms(use_true_random=False), st.sampled_from([1, 3, 50]))
def test_any_set_in_any_order_and_batching_is_what_the_brute_force_reads(
    store: Store, found: list[dict[str, Any]], dice: random.Random, batch: int
) -> None:
    region = str(next(_regions))
    stream = [{**event, "source": event["source"].replace("REGION", region)} for event in found]
    sent = [*stream, *(dice.choice(stream) for _ in stream[::4])]
    dice.shuffle(sent)
    merged = decoded(sent)
    for start in range(0, len(merged), batch):
        store.merge(merged[start : start + batch], NOW, dice.choice(list(Expected)))
    reading = brute.read(stream)
    for department, hall in ((None, None), ("甲", None), ("乙", None), (None, "hall-1"), (None, "hall-2")):
        scope = Scope(int(region), department, hall)
        for window in (YEAR, WEEK):
            expected = brute.indicators(reading, region, window.start, window.end, department=department, hall=hall)
            assert brute.compare(expected, ask(store).figures(scope, window)) == []
    page = ask(store).list_cases(CaseFilter(Scope(int(region)), state="flagged"), TODAY, limit=100)
    flags = {(row.hall, row.case_id): {*flag_names(row.flags)} for row in page.cases}
    assert flags == {(c["hall"], c["case_id"]): c["flags"] for c in reading.cases if c.get("flags")}
    assert [one for one in store.recompute(check=True) if region in one.key] == []


def case(*steps: tuple[str, str, str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0", "id": id_, "source": "/222424/hall-1", "type": f"hall.case.{what}.v1",
            "time": f"2026-03-{day}T09:00:00+08:00", "data": {"case_id": "c", **data},
        }
        for id_, what, day, data in steps
    ]  # fmt: skip


RECEIVED = {"item_code": "i", "department": "甲", "channel": "window"}


def test_the_history_of_a_case_says_what_took_an_event_out(store: Store) -> None:
    stream = case(
        ("r", "received", "02", RECEIVED),
        ("wrong", "decided", "09", {"outcome": "granted"}),
        ("right", "decided", "04", {"outcome": "granted", "corrects": "wrong"}),
        ("rated", "rated", "05", {"score": 1}),
        ("back", "retracted", "06", {"event_id": "rated"}),
    )
    store.merge(decoded(stream), NOW)
    history = ask(store).case_history(222424, "hall-1", "c", TODAY)
    assert history is not None
    assert history.taken_out == {"wrong": ["right"], "rated": ["back"]}
    assert history.clock is not None
    assert history.clock.case.elapsed == 2


OLD = case(
    ("r", "received", "02", RECEIVED),
    ("d", "decided", "04", {"outcome": "refused"}),
    ("e", "decided", "04", {"outcome": "granted"}),
    ("x", "rejected", "03", {"reason": "不属于"}),
    ("y", "rejected", "03", {}),
    ("back", "retracted", "06", {"event_id": "y"}),
)


@pytest.mark.parametrize("flagged", [True, False])
def test_cases_of_the_version_before_are_as_if_this_one_had_stored_them(database_url: str, *, flagged: bool) -> None:
    """Outcomes and reasons were not kept in histories, and nothing was flagged."""
    engine, config = open_engine(database_url), alembic_config()
    with engine.begin() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, "head")
    store = open_store(database_url)
    store.merge(decoded(OLD if flagged else [*OLD[:2], *OLD[3:]]), NOW)
    assert store.recompute(check=True) == []
    with engine.begin() as opened:
        config.attributes["connection"] = opened
        _forget(opened)
        command.downgrade(config, "0011")
        command.upgrade(config, "head")
        flags = opened.execute(text("SELECT flags & 32768 FROM cases")).scalar_one()
    assert bool(flags) == flagged
    assert store.recompute(check=True) == []
    store.close()
    engine.dispose()


def _forget(opened: Any) -> None:
    """Make the case's row what the version before would have stored."""
    history = msgspec.msgpack.decode(bytes(opened.execute(text("SELECT history FROM cases")).scalar_one()))
    for event in history:
        del event[6:]
        if event[0] in (5, 9):
            event[4] = None
    packed = msgspec.msgpack.encode(history)
    opened.execute(text("UPDATE cases SET history = :packed, flags = flags & ~32768"), {"packed": packed})
