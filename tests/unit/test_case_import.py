"""Rows of cases as events: the bureau's own tables, and the Dutch file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hallpulse.contract.events import Accepted, CaseRetracted, Decided, EventType, Extended, HallEvent, Rated, Received
from hallpulse.domain.case import CaseEvent, in_force, pack_id
from hallpulse.domain.workdays import time_text
from hallpulse.store.database import case_event
from services.importing.case_import import HallOfCases, UnderstoodCase
from services.importing.corrections import Corrections
from services.importing.departments import DepartmentCodes
from services.importing.importer import Options, RejectedRow, Taken, opened
from services.importing.notes import Oddity
from services.importing.problems import TableError
from tests.shelf import NOW, Shelf, take

DUTCH = Path(__file__).parents[3] / "shared" / "data" / "permit-cases.csv"
DUTCH_HEADER = "case_id,group,department,channel,startdate,enddate_planned,deadline,enddate"
PLACE = HallOfCases(222424, "hall")
HEADER = (
    "办件编号,实施编码,部门,申请渠道,收件时间,受理时间,办结时间,办理结果,评价得分,延期天数,特别程序开始时间,"
    "特别程序类型,特别程序结束时间,承诺办结时限"
)


def outcomes(tmp_path: Path, *rows: str, header: str = HEADER) -> list[Taken | RejectedRow]:
    path = tmp_path / "cases.csv"
    path.write_text("\n".join((header, *rows)), encoding="utf-8")
    return all_of(path)


def all_of(path: Path) -> list[Taken | RejectedRow]:
    with opened(path, "cases", Shelf(PLACE, now=1_800_000_000_000_000), Options(), DepartmentCodes()) as job:  # type: ignore[arg-type]
        job.understand()
        assert job.open == []
        return list(job.outcomes())


def row_of(tmp_path: Path, row: str, header: str = HEADER) -> UnderstoodCase:
    (outcome,) = outcomes(tmp_path, row, header=header)
    assert isinstance(outcome, Taken), outcome
    assert outcome.case is not None
    return outcome.case


def events_in(row: UnderstoodCase) -> list[HallEvent]:
    return row.events(PLACE)


def by_type(events: Sequence[HallEvent]) -> dict[EventType, HallEvent]:
    return {event.type: event for event in events}


def test_a_row_becomes_the_events_of_its_case(tmp_path: Path) -> None:
    row = "c-1,a-1,公安局,网上,2026-03-02 09:12,2026/3/2 10:05,2026年3月9日 15:30,准予,非常满意,,,,,5个工作日"
    events = by_type(events_in(row_of(tmp_path, row)))
    assert events[EventType.CASE_RECEIVED].data == Received("c-1", "a-1", "公安局", "online", promised_days=5)
    assert events[EventType.CASE_ACCEPTED].data == Accepted("c-1")
    assert time_text(events[EventType.CASE_ACCEPTED].time) == "2026-03-02T10:05:00+08:00"
    assert events[EventType.CASE_DECIDED].data == Decided("c-1", "granted")
    assert events[EventType.CASE_RATED].data == Rated("c-1", 5)
    assert len(events) == 4


def test_only_the_receipt_is_required_and_an_empty_channel_is_the_window(tmp_path: Path) -> None:
    row = row_of(tmp_path, "c-1,a-1,公安局,,2026-03-02,,,,,,,,,")
    assert [event.type for event in events_in(row)] == [EventType.CASE_RECEIVED]
    assert [note.what for note in row.notes] == [Oddity.CHANNEL_ASSUMED, Oddity.UNKNOWN_ITEM]


def test_steps_dated_to_the_day_keep_the_order_of_a_cases_life(tmp_path: Path) -> None:
    row = "c-1,a-1,公安局,窗口,2026-03-02 11:00,2026-03-02,2026-03-02,准予,,,2026-03-02,听证,2026-03-02,"
    times = [event.time for event in events_in(row_of(tmp_path, row))]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_an_extension_and_a_rating_without_a_day_of_their_own_follow_the_step_before(tmp_path: Path) -> None:
    row = "c-1,a-1,公安局,窗口,2026-03-02 11:00,2026-03-02 12:00,2026-03-04 09:00,准予,4分,3个工作日,,,,"
    events = by_type(events_in(row_of(tmp_path, row)))
    assert events[EventType.CASE_EXTENDED].data == Extended("c-1", 3)
    assert time_text(events[EventType.CASE_RATED].time) == "2026-03-04T09:00:01+08:00"


def test_a_decision_before_its_acceptance_is_published_and_flagged(tmp_path: Path) -> None:
    row = row_of(tmp_path, "c-1,a-1,公安局,窗口,2026-03-09,2026-03-09,2026-03-02,准予,,,,,,")
    assert EventType.CASE_DECIDED in by_type(events_in(row))
    assert [note.what for note in row.notes] == [Oddity.UNKNOWN_ITEM, Oddity.STEPS_REVERSED]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",a-1,局,窗口,2026-03-02,,,,,,,,,", "missing-field"),
        ("c-1,,局,窗口,2026-03-02,,,,,,,,,", "missing-field"),
        ("c-1,a-1,,窗口,2026-03-02,,,,,,,,,", "missing-field"),
        ("c-1,a-1,局,窗口,,,,,,,,,,", "missing-field"),
        ("c-1,a-1,局,窗口,3/5/2026,,,,,,,,,", "bad-date"),
        ("c-1,a-1,局,窗口,2026-03-02,,2026-03-05,随便,,,,,,", "bad-word"),
        ("c-1,a-1,局,窗口,2026-03-02,,2026-03-05,准予,优秀,,,,,", "bad-number"),
        ("c-1,a-1,局,窗口,2026-03-02,,,,,,,,,尽快", "limit-unreadable"),
        ("c-1,a-1,局,窗口,2026-03-02,2026-03-02,,,,,2026-03-03,看天气,,", "bad-word"),
        ("c-1,a-1,局,窗口,2026-03-02,,,准予,,,,,,", "ended-without-date"),
        ("c-1,a-1,局,窗口,2026-03-02,,2026-03-05,受理,,,,,,", "dated-but-open"),
        ("c-1,a-1,局,窗口,2026-03-02,,,,5,,,,,", "rated-without-date"),
        ("2.22401E+17,a-1,局,窗口,2026-03-02,,,,,,,,,", "spoilt-code"),
        ("c-1,a-1,局,窗口,2026-03-02,,,,,,,,,,多一列", "too-wide"),
        ("c-1,a-1,局,窗口,1950-03-02,,,,,,,,,", "time-out-of-range"),
        ("c-1,a-1,局,窗口,2099-03-02,,,,,,,,,", "time-in-future"),
        ("13800138000,a-1,局,窗口,2026-03-02,,,,,,,,,", "personal-data"),
        ("11010519491231002X,a-1,局,窗口,2026-03-02,,,,,,,,,", "personal-data"),
    ],
)
def test_a_row_with_something_wrong_is_rejected_whole(tmp_path: Path, row: str, reason: str) -> None:
    bad, good = outcomes(tmp_path, row, "c-9,a-1,局,窗口,2026-03-02,,,,,,,,,")
    assert isinstance(bad, RejectedRow)
    assert (bad.line, bad.problem.reason) == (2, reason)
    assert isinstance(good, Taken)


def test_a_case_that_stands_twice_alike_is_taken_once(tmp_path: Path) -> None:
    row = "c-1,a-1,局,窗口,2026-03-02,,,,,,,,,"
    first, second = outcomes(tmp_path, row, row)
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    assert (first.state, second.state) == ("new", "repeated")


def test_of_a_case_that_stands_twice_with_other_dates_no_row_is_taken(tmp_path: Path) -> None:
    rows = [f"c-1,a-1,局,窗口,2026-03-02,,2026-03-{day},准予,,,,,," for day in ("05", "25")]
    found = outcomes(tmp_path, *rows, "c-2,a-1,局,窗口,2026-03-02,,,,,,,,,")
    assert [one.problem.reason for one in found if isinstance(one, RejectedRow)] == ["twice-with-others"] * 2


def test_a_table_without_receipts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="收件时间"):
        outcomes(tmp_path, "c-1,a-1", header="办件编号,实施编码")


class Memory:
    """What a store would have of imported cases."""

    def __init__(self) -> None:
        self.events: dict[str, HallEvent] = {}

    def publish(self, rows: Sequence[Sequence[HallEvent]]) -> int:
        """How many of them are new; an id that is used again must say the same."""
        new = 0
        for event in Corrections(PLACE, self.known, self.history).apply(rows):
            assert self.events.get(event.id, event) == event
            new += event.id not in self.events
            self.events[event.id] = event
        return new

    def history(self, case_id: str) -> list[HallEvent]:
        return [event for event in self.events.values() if event.data.entity == case_id]

    def known(self, case_ids: Sequence[str]) -> dict[str, list[CaseEvent]]:
        return {
            case_id: [case_event(event, pack_id(event.id)) for event in self.history(case_id)] for case_id in case_ids
        }

    def in_force(self, case_id: str) -> dict[int, str]:
        return {event.kind: time_text(event.time) for event in in_force(self.known([case_id])[case_id])}


def events_of(tmp_path: Path, received: str, decided: str) -> list[Sequence[HallEvent]]:
    return [events_in(row_of(tmp_path, f"c-1,a-1,局,窗口,{received},,{decided},{'准予' if decided else ''},,,,,,"))]


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    memory = Memory()
    assert memory.publish(events_of(tmp_path, "2026-03-02 09:00", "2026-03-05 09:00")) == 2
    assert memory.publish(events_of(tmp_path, "2026-03-02 09:00", "2026-03-05 09:00")) == 0


def test_a_corrected_row_takes_back_what_it_replaces_even_to_an_earlier_day(tmp_path: Path) -> None:
    memory = Memory()
    memory.publish(events_of(tmp_path, "2026-03-02 09:00", "2026-03-25 09:00"))
    memory.publish(events_of(tmp_path, "2026-03-02 09:00", "2026-03-05 09:00"))
    assert memory.in_force("c-1") == {1: "2026-03-02T09:00:00+08:00", 9: "2026-03-05T09:00:00+08:00"}


def test_a_row_can_be_corrected_back_and_forth(tmp_path: Path) -> None:
    memory = Memory()
    for day in ("2026-03-05", "2026-03-06", "2026-03-05", "2026-03-06", "2026-03-05"):
        memory.publish(events_of(tmp_path, "2026-03-02 09:00", f"{day} 09:00"))
        assert memory.in_force("c-1")[9] == f"{day}T09:00:00+08:00"
        assert memory.publish(events_of(tmp_path, "2026-03-02 09:00", f"{day} 09:00")) == 0


def test_an_empty_cell_takes_nothing_back(tmp_path: Path) -> None:
    memory = Memory()
    memory.publish(events_of(tmp_path, "2026-03-02 09:00", "2026-03-05 09:00"))
    memory.publish(events_of(tmp_path, "2026-03-02 09:00", ""))
    assert 9 in memory.in_force("c-1")


def test_what_the_hall_sent_itself_is_never_taken_back(tmp_path: Path) -> None:
    memory = Memory()
    own = HallEvent(
        222424, "hall", "5f0c1b1e-0000-5000-8000-000000000000", EventType.CASE_DECIDED, 1, Decided("c-1", "other")
    )
    memory.events[own.id] = own
    memory.publish(events_of(tmp_path, "2026-03-02 09:00", "2026-03-05 09:00"))
    assert not any(isinstance(event.data, CaseRetracted) for event in memory.events.values())


def test_a_dutch_row_is_known_by_its_header_and_mapped(tmp_path: Path) -> None:
    line = (
        "case-1,Group 5,General,Desk,2011-10-18T01:06:40.020+02:00,2011-12-13T01:06:40.010+01:00,"
        "2011-12-14T01:06:40.000+01:00,2011-12-07T15:23:56.316+01:00"
    )
    received, accepted, decided = events_in(row_of(tmp_path, line, DUTCH_HEADER))
    assert isinstance(received.data, Received)
    assert (received.data.department, received.data.channel, received.data.unified) == (
        "General / Group 5",
        "window",
        True,
    )
    assert (received.data.promised_days, received.data.statutory_days) == (40, 41)
    assert received.time == accepted.time
    assert time_text(decided.time) == "2011-12-07T22:23:56.316+08:00"


def test_a_dutch_row_without_group_or_end_and_with_an_absurd_span(tmp_path: Path) -> None:
    line = "case-1,,General,Intern,2011-10-18T01:06:40+02:00,2011-09-13T01:06:40+02:00,2400-01-01T00:00:00+01:00,"
    row = row_of(tmp_path, line, DUTCH_HEADER)
    received = events_in(row)[0].data
    assert isinstance(received, Received)
    assert (received.department, received.channel) == ("General", "kiosk")
    assert (received.promised_days, received.statutory_days) == (0, None)
    assert len(row.steps) == 2
    assert {note.what for note in row.notes} == {Oddity.SPAN_REVERSED, Oddity.SPAN_LONG}


@pytest.mark.skipif(not DUTCH.is_file(), reason="the Dutch file is not beside the checkout")
def test_every_row_of_the_dutch_file_is_understood() -> None:
    done = take(DUTCH, "cases", Shelf(PLACE, now=NOW))
    assert (done.told.profile["id"], done.told.rows["new"], done.rejected) == ("permit-log", 732, [])
    assert len(done.published) == 2 * 732 + 686
    assert done.notes(Oddity.STEPS_REVERSED) == 2
