from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallpulse.domain.case import CaseEvent, Flag, Kind, Opening, pack_id
from hallpulse.domain.catalogue import ItemRecord, ItemVersion, Timeline, span_on, timeline
from hallpulse.domain.clock import Case, fold
from hallpulse.domain.clockface import clock_of, flag_names
from hallpulse.domain.measures import COLUMNS, OPEN_STATES, STATES, entries_of, open_state
from hallpulse.domain.workdays import Workdays, date_of, day_of

WEEK = Workdays({}, ())  # weekends only: 2026-03-02 is a Monday
BASE = int(datetime(2026, 3, 2, 1, 0, tzinfo=UTC).timestamp() * 1_000_000)  # Monday 09:00 in Shanghai
DAY = 86_400_000_000
OPENING = Opening("item-1", "dept-1", "window", unified=True, statutory_days=20, promised_days=5)


def event(
    kind: Kind, day: float, *, number: int | None = None, text: str | None = None, id_: str = "", corrects: str = ""
) -> CaseEvent:
    opening = OPENING if kind is Kind.RECEIVED else Opening() if kind is Kind.ACCEPTED else None
    key, named = pack_id(id_ or f"{kind.name}-{day}"), pack_id(corrects) if corrects else None
    return CaseEvent(int(kind), BASE + int(day * DAY), key, number, text, opening, named)


def folded(*events: CaseEvent, timelines: dict[str, Timeline] | None = None) -> Case:
    case = fold(events, WEEK, timelines or {})
    assert case is not None
    return case


def columns_of(case: Case) -> set[str]:
    return {COLUMNS[column] for _, column, _ in entries_of(case)}


def march(day: int) -> int:
    return day_of(date(2026, 3, day))


R, A, D = Kind.RECEIVED, Kind.ACCEPTED, Kind.DECIDED


def test_the_day_of_acceptance_does_not_count() -> None:
    case = folded(event(R, 0), event(A, 0), event(D, 1))
    assert (case.elapsed, case.due, case.timed) == (1, march(9), True)


def test_a_decision_without_acceptance_or_refusal_was_accepted_when_received() -> None:
    case = folded(event(R, 0), event(D, 0))
    assert (case.accepted, case.elapsed) == (case.received, 0)


def test_a_refused_case_that_was_decided_is_decided_but_not_timed() -> None:
    case = folded(event(R, 0), event(Kind.REJECTED, 1), event(D, 2))
    assert (case.accepted, case.timed, case.decided) == (None, False, march(4))
    assert case.flags & Flag.DECIDED_AFTER_REJECTION


@pytest.mark.parametrize(("refused", "accepted"), [(1, None), (0.5, march(3))])
def test_of_acceptance_and_refusal_the_later_counts(refused: float, accepted: int | None) -> None:
    case = folded(event(R, 0), event(A, 0.9 if accepted is None else 1), event(Kind.REJECTED, refused))
    assert case.accepted == accepted
    assert (case.rejected is None) == (accepted is not None)


def test_days_in_a_suspension_do_not_count_and_move_the_due_day() -> None:
    case = folded(event(R, 0), event(A, 0), event(Kind.SUSPENDED, 1), event(Kind.RESUMED, 3), event(D, 8))
    assert (case.elapsed, case.due) == (4, march(11))


def test_a_suspension_open_at_the_decision_ends_there() -> None:
    case = folded(event(R, 0), event(A, 0), event(Kind.SUSPENDED, 1), event(D, 8))
    assert (case.elapsed, case.suspended, case.promise_kept) == (1, False, True)


def test_an_open_suspension_leaves_no_due_day() -> None:
    case = folded(event(R, 0), event(A, 0), event(Kind.SUSPENDED, 1))
    assert (case.due, case.suspended, case.late_from) == (None, True, None)


def test_extensions_add_up_and_widen_the_limit() -> None:
    case = folded(
        event(R, 0), event(A, 0), event(Kind.EXTENDED, 1, number=2), event(Kind.EXTENDED, 2, number=3), event(D, 14)
    )
    assert (case.extended, case.elapsed, case.promise_kept) == (5, 10, True)


def test_a_retraction_takes_the_event_out_whichever_comes_first() -> None:
    retraction = event(Kind.RETRACTED, 0, text="wrong")
    case = folded(retraction, event(R, 0), event(A, 0), event(D, 1, id_="wrong"))
    assert (case.decided, case.open) == (None, True)


def test_a_retraction_cannot_be_retracted() -> None:
    first = event(Kind.RETRACTED, 0, text="wrong", id_="first")
    second = event(Kind.RETRACTED, 1, text="first")
    assert folded(event(R, 0), event(D, 1, id_="wrong"), first, second).decided is None


def test_a_correction_takes_the_place_of_what_it_names_whatever_its_time() -> None:
    late = event(D, 8, id_="late")
    early = event(D, 1, id_="early", corrects="late")
    for events in ([event(R, 0), event(A, 0), late, early], [early, event(R, 0), event(A, 0), late]):
        case = folded(*events)
        assert (case.decided, case.flags & Flag.REPEATED_WITHOUT_CORRECTION) == (march(3), 0)


def test_of_a_chain_the_last_correction_counts_even_if_the_middle_is_retracted() -> None:
    first, second = event(D, 4, id_="1"), event(D, 3, id_="2", corrects="1")
    third = event(D, 1, id_="3", corrects="2")
    assert folded(event(R, 0), third, first, second).decided == march(3)
    retraction = event(Kind.RETRACTED, 0, text="2")
    assert folded(event(R, 0), first, second, retraction).decided is None


def test_of_corrections_in_a_circle_none_counts() -> None:
    circle = [event(D, 1, id_="1", corrects="2"), event(D, 2, id_="2", corrects="1")]
    assert folded(event(R, 0), *circle).decided is None
    assert folded(event(R, 0), event(D, 1, id_="1", corrects="1")).decided is None


def test_a_correction_does_nothing_to_another_type_and_is_flagged() -> None:
    case = folded(event(R, 0, id_="r"), event(A, 0), event(D, 1, corrects="r"))
    assert (case.received, case.decided) == (march(2), march(3))
    assert case.flags & Flag.CORRECTS_NOTHING
    assert not folded(event(R, 0, id_="r"), event(R, 1, corrects="r")).flags & Flag.CORRECTS_NOTHING


def test_a_retraction_that_is_corrected_takes_nothing_out() -> None:
    wrong = event(Kind.RETRACTED, 2, text="d", id_="wrong")
    instead = event(Kind.RETRACTED, 3, text="e", id_="instead", corrects="wrong")
    extension = event(Kind.EXTENDED, 1, number=3, id_="e")
    events = [event(R, 0), event(D, 1, id_="d"), extension, wrong]
    assert (folded(*events).decided, folded(*events).extended) == (None, 3)
    assert (folded(*events, instead).decided, folded(*events, instead).extended) == (march(3), 0)


@pytest.mark.parametrize(
    ("second", "flagged"),
    [
        (event(D, 2), True),
        (event(D, 1, text="refused"), True),
        (event(D, 1, id_="again"), False),
        (event(D, 2, corrects="first"), False),
        (event(D, 2, corrects="other"), True),
    ],
)
def test_two_that_differ_need_a_correction(second: CaseEvent, *, flagged: bool) -> None:
    case = folded(event(R, 0), event(D, 1, id_="first"), second)
    assert bool(case.flags & Flag.REPEATED_WITHOUT_CORRECTION) == flagged


@pytest.mark.parametrize("kind", [Kind.SUSPENDED, Kind.RESUMED, Kind.EXTENDED, Kind.SUPPLEMENT_REQUESTED])
def test_what_may_happen_several_times_is_not_repeated(kind: Kind) -> None:
    case = folded(event(R, 0), event(kind, 1, number=1), event(kind, 2, number=2))
    assert not case.flags & Flag.REPEATED_WITHOUT_CORRECTION


def test_a_rating_by_default_counts_in_coverage_alone() -> None:
    decided = [event(R, 0), event(A, 0), event(D, 1)]
    by_person = columns_of(folded(*decided, event(Kind.RATED, 1, number=5)))
    by_default = folded(*decided, event(Kind.RATED, 1, number=5, text="window automatic"))
    assert {"decided_rated", "rated", "satisfied"} <= by_person
    assert columns_of(by_default) & {"decided_rated", "rated", "satisfied"} == {"decided_rated"}
    assert not by_default.flags & Flag.RATED_AT_ONCE


@pytest.mark.parametrize(
    ("score", "answer", "counted"),
    [
        (2, "verified rectified", {"bad_verified", "bad_rectified"}),
        (1, "verified", {"bad_verified"}),
        (1, "rectified", set()),
        (1, "", set()),
        (3, "verified rectified", set()),
    ],
)
def test_a_bad_rating_that_was_verified_is_to_be_rectified(score: int, answer: str, counted: set[str]) -> None:
    case = folded(
        event(R, 0), event(D, 1), event(Kind.RATED, 2, number=score), event(Kind.RATING_ANSWERED, 5, text=answer)
    )
    assert columns_of(case) & {"bad_verified", "bad_rectified"} == counted


def test_a_decision_before_acceptance_is_kept_flagged_and_not_timed() -> None:
    case = folded(event(R, 0), event(A, 4), event(D, 1))
    assert case.timed is False
    assert flag_names(case.flags) == ["decided_before_accepted", "accepted_after_decided"]
    columns = columns_of(case)
    assert {"accepted", "decided"} <= columns
    assert not columns & {"timed", "due", "saved_days", "promised_timed"}


def test_flags_that_compare_two_events_go_by_the_moment() -> None:
    """Half an hour too early on the same day is too early; at the very same moment is in order."""
    early = folded(event(R, 0.5), event(A, 0.48), event(D, 1))
    assert (early.accepted, flag_names(early.flags)) == (early.received, ["accepted_before_received"])
    late = folded(event(R, 0), event(A, 1.02), event(D, 1))
    assert flag_names(late.flags) == ["accepted_after_decided"]
    at_once = [event(R, 0, id_="b"), event(A, 0, id_="a"), event(D, 0, id_="A")]
    assert flag_names(folded(*at_once).flags) == []


def test_decided_and_withdrawn_is_decided_and_flagged() -> None:
    case = folded(event(R, 0), event(A, 0), event(Kind.WITHDRAWN, 1), event(D, 2))
    assert case.timed
    assert case.flags & Flag.DECIDED_AND_WITHDRAWN


def test_a_withdrawn_case_stays_among_the_accepted_and_not_among_the_due() -> None:
    columns = columns_of(folded(event(R, 0), event(A, 0), event(Kind.WITHDRAWN, 1)))
    assert "accepted" in columns
    assert not columns & {"due", "open"}


def test_an_overdue_open_case_is_among_the_due() -> None:
    case = folded(event(R, 0), event(A, 0))
    assert (case.due, COLUMNS.index("due"), 1) in entries_of(case)
    assert (case.soon_from, case.late_from) == (march(6), march(10))


def test_a_case_without_received_counts_nowhere() -> None:
    assert fold([event(A, 0), event(D, 1)], WEEK, {}) is None


def test_no_word_within_five_working_days_is_late_acceptance() -> None:
    assert folded(event(R, 0)).unaccepted_from == march(10)
    assert folded(event(R, 0), event(Kind.SUPPLEMENT_REQUESTED, 7)).unaccepted_from is None
    assert folded(event(R, 0), event(Kind.SUPPLEMENT_REQUESTED, 8)).unaccepted_from == march(10)


def test_what_fits_no_pair_changes_nothing_and_is_flagged() -> None:
    case = folded(event(R, 0), event(A, 0), event(Kind.RESUMED, 1), event(D, 2))
    assert (case.elapsed, flag_names(case.flags)) == (2, ["resumed_without_suspension"])
    twice = folded(event(R, 0), event(A, 0), event(Kind.SUSPENDED, 1), event(Kind.SUSPENDED, 2), event(D, 8))
    assert (twice.elapsed, flag_names(twice.flags)) == (1, ["suspended_twice"])


def version(promised: int, *, statutory: int | None = 20, instant: bool = False) -> ItemVersion:
    return ItemVersion("事项", "dept-1", "licensing", instant, statutory, promised, True, True, True, False, False)


def test_limits_come_from_the_case_then_from_the_version_of_the_accepted_day() -> None:
    records = [
        ItemRecord("h", "a", 1, march(1), version(9)),
        ItemRecord("h", "b", 2, march(4), version(3, statutory=None)),
    ]
    spans = {"item-1": timeline(records)}
    bare = OPENING._replace(statutory_days=None, promised_days=None)
    received = event(R, 0)._replace(opening=bare)
    early = folded(received, event(A, 1), timelines=spans)
    late = folded(received, event(A, 2), timelines=spans)
    assert (early.statutory_days, early.promised_days) == (20, 9)
    assert (late.statutory_days, late.promised_days) == (None, 3)
    over = event(A, 2)._replace(opening=Opening(promised_days=7))
    assert folded(received, over, timelines=spans).promised_days == 7
    assert folded(received, event(A, 0)).flags & Flag.UNKNOWN_ITEM


def test_of_two_versions_of_one_day_the_later_counts_and_a_retired_item_has_none() -> None:
    records = [
        ItemRecord("h", "b", 5, 100, version(1)),
        ItemRecord("h", "a", 5, 100, version(2)),
        ItemRecord("h", "c", 9, 200, None),
        ItemRecord("h", "d", 3, 300, version(3)),
    ]
    spans = timeline(records)
    found = [span_on(spans, day) for day in (99, 100, 199, 200, 300)]
    assert [s.version.promised_days if s else None for s in found] == [None, 1, 1, None, 3]
    assert timeline([*records, ItemRecord("h", "e", 10, 0, None, retracts="b")])[0].version.promised_days == 2


KINDS = st.sampled_from([k for k in Kind if k is not Kind.RETRACTED])


@st.composite
def histories(draw: st.DrawFn) -> list[CaseEvent]:
    events = []
    for number in range(draw(st.integers(1, 12))):
        kind, named = draw(KINDS), draw(st.sampled_from(["", "", *(f"e{other}" for other in range(14))]))
        days, text = draw(st.integers(0, 40)) / 2, draw(st.sampled_from(["testing", "verified automatic"]))
        events.append(event(kind, days, number=draw(st.integers(1, 5)), text=text, id_=f"e{number}", corrects=named))
    for number in range(draw(st.integers(0, 3))):
        named = draw(st.sampled_from(["", "", "r0", "r1", "r2"]))
        events.append(event(Kind.RETRACTED, 1, text=f"e{draw(st.integers(0, 14))}", id_=f"r{number}", corrects=named))
    return events


@settings(max_examples=300, deadline=None)
@given(histories(), st.randoms())
def test_the_order_of_events_does_not_matter(events: list[CaseEvent], rnd: random.Random) -> None:
    shuffled = list(events)
    rnd.shuffle(shuffled)
    assert fold(events, WEEK, {}) == fold(shuffled, WEEK, {})


@settings(max_examples=300, deadline=None)
@given(histories())
def test_the_due_day_is_the_first_on_which_the_limit_is_used_up(events: list[CaseEvent]) -> None:
    clock = clock_of(events, WEEK, {}, march(30))
    if clock is None or clock.case.due is None or clock.case.accepted is None:
        return
    limit = (clock.case.promised_days or 0) + clock.case.extended
    used = list(_running(clock.case.accepted, clock.case.due, clock.suspensions))
    assert used[-1] == limit
    assert limit == 0 or used[-2] == limit - 1


@settings(max_examples=300, deadline=None)
@given(histories())
def test_the_clock_shown_day_by_day_ends_at_the_elapsed_days(events: list[CaseEvent]) -> None:
    clock = clock_of(events, WEEK, {}, march(30))
    if clock is not None and clock.case.timed:
        assert clock.days[-1].elapsed == clock.case.elapsed
        assert date_of(clock.days[-1].day) == date_of(clock.case.decided or 0)


@settings(max_examples=200, deadline=None)
@given(histories())
def test_an_open_case_is_in_exactly_one_state(events: list[CaseEvent]) -> None:
    case = fold(events, WEEK, {})
    if case is None:
        return
    columns = [COLUMNS[column] for _, column, _ in entries_of(case)]
    of_states = {name for state in OPEN_STATES.values() for name in (*state.added, *state.taken)}
    assert columns.count("open") == int(case.open)
    if not case.open:
        assert not of_states & {*columns}
    for day in range(march(1), march(30)):
        assert (open_state(case, day) in STATES) == case.open
    if case.soon_from is not None and case.late_from is not None:
        assert case.soon_from < case.late_from


def _running(accepted: int, until: int, suspensions: Sequence[tuple[int, int | None, str]]) -> list[int]:
    """Elapsed after each day, day by day, by the letter of the definition."""
    counts, total = [0], 0
    for day in range(accepted + 1, until + 1):
        suspended = any(start < day and (end is None or day <= end) for start, end, _ in suspensions)
        total += int(WEEK.is_working(day) and not suspended)
        counts.append(total)
    return counts
