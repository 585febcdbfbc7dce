from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallpulse.contract.events import CaseData, EventType, corrects_of
from hallpulse.contract.examples import example
from hallpulse.domain.case import CaseEvent, case_event_of, pack_id, unpack_id
from hallpulse.store.database import (
    case_event,
    pack_data,
    pack_history,
    unpack_data,
    unpack_history,
)
from tests.merging import decoded

IDS = st.one_of(st.uuids().map(str), st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=64))
EVENTS = st.builds(
    CaseEvent,
    st.integers(1, 14),
    st.integers(0, 2**60),
    IDS.map(pack_id),
    st.none() | st.integers(1, 3650),
    st.none() | IDS,
    st.none(),
    st.none() | IDS.map(pack_id),
)


@given(IDS)
def test_an_id_comes_back_as_it_was(id_: str) -> None:
    assert unpack_id(pack_id(id_)) == id_


@given(st.lists(IDS, unique=True))
def test_two_ids_are_never_kept_as_one(ids: list[str]) -> None:
    assert len({pack_id(id_) for id_ in ids}) == len(ids)


def test_a_uuid_takes_sixteen_bytes_and_no_other_text_does() -> None:
    assert len(pack_id(str(uuid4()))) == 16
    assert len(pack_id("x" * 15)) == 17
    assert len(pack_id(str(uuid4()).upper())) == 37


@given(st.lists(EVENTS, max_size=20), st.lists(EVENTS, max_size=20))
def test_a_history_grows_without_its_earlier_part_being_written_again(
    before: list[CaseEvent], after: list[CaseEvent]
) -> None:
    assert unpack_history(pack_history(after, pack_history(before))) == before + after


def test_a_history_of_very_many_events_comes_back() -> None:
    events = [CaseEvent(5, number, pack_id(f"e{number}")) for number in range(70_000)]
    assert unpack_history(pack_history(events[1:], pack_history(events[:1]))) == events
    assert unpack_history(pack_history([], pack_history(events))) == events


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind < EventType.ITEM_PUBLISHED])
def test_a_stored_event_is_to_its_case_what_it_was_when_it_came(kind: EventType) -> None:
    (event,) = decoded([example(kind)])
    key = pack_id(event.id)
    fields = msgspec.msgpack.decode(pack_data(event.data)[1])
    assert case_event_of(int(kind), event.time, key, fields) == case_event(event, key)
    named = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, corrects="earlier"))
    fields = msgspec.msgpack.decode(pack_data(named.data)[1])
    assert case_event_of(int(kind), event.time, key, fields) == case_event(named, key)
    assert case_event(named, key).corrects == pack_id("earlier")


@pytest.mark.parametrize("kind", [kind for kind in EventType if kind < EventType.ITEM_PUBLISHED])
def test_an_event_that_an_earlier_version_stored_lacks_the_newer_fields(kind: EventType) -> None:
    if kind is EventType.CASE_RATING_ANSWERED:
        return
    (event,) = decoded([example(kind)])
    key, newer = pack_id(event.id), 3 if kind is EventType.CASE_RATED else 1
    fields = msgspec.msgpack.decode(pack_data(event.data)[1])[:-newer]
    packed = msgspec.msgpack.encode(fields)
    assert isinstance(event.data, CaseData)
    assert case_event_of(int(kind), event.time, key, fields).corrects is None
    assert corrects_of(unpack_data(int(kind), event.data.case_id, packed)) is None


def test_a_history_of_an_earlier_version_is_read_as_it_was() -> None:
    event = CaseEvent(11, 7, pack_id("r"), 5)
    assert unpack_history(msgspec.msgpack.encode([list(event)[:-1]])) == [event]
