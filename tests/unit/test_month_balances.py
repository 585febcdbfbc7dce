"""The identity of the month's flow, for any cases: carried + received = refused + decided + withdrawn + open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hallpulse.domain import expression
from hallpulse.domain.case import CaseEvent, Kind, Opening, pack_id
from hallpulse.domain.clock import Case, fold
from hallpulse.domain.expression import Statement, compiled, conjuncts
from hallpulse.domain.flow import LEFT, WAYS_OUT, Flow
from hallpulse.domain.workdays import Workdays

WEEK = Workdays({}, ())
BASE = int(datetime(2026, 3, 2, 1, 0, tzinfo=UTC).timestamp() * 1_000_000)
HOUR = 3_600_000_000
LAST_DAY = 120

KINDS = (
    Kind.ACCEPTED, Kind.REJECTED, Kind.DECIDED, Kind.WITHDRAWN, Kind.SUSPENDED, Kind.RESUMED, Kind.EXTENDED,
    Kind.RETRACTED,
)  # fmt: skip
OPENINGS = st.builds(
    Opening,
    st.just("item-1"),
    st.just("dept-1"),
    st.just("window"),
    unified=st.booleans(),
    statutory_days=st.none() | st.integers(1, 30),
    promised_days=st.none() | st.integers(1, 20),
)


_FITS = {
    way.name: compiled(
        "fits", "case", [Statement(tuple(expression.of("case", part) for part in conjuncts(way.where)), "return True")]
    )
    for way in WAYS_OUT.values()
}
_LEFT_ON = compiled("left", "case", result=expression.of("case", LEFT))


def left_on(case: Case) -> int | None:
    """The day on which a case left, by the expression that the store takes as SQL; None while it is open."""
    ended = case.decided is not None or case.rejected is not None or case.withdrawn is not None
    return int(_LEFT_ON(case)) if ended else None


def ways_out(case: Case) -> list[str]:
    return [name for name, fits in _FITS.items() if fits(case)]


def event(kind: Kind, hour: int, number: int, opening: Opening | None = None, text: str | None = None) -> CaseEvent:
    days = number if kind is Kind.EXTENDED else None
    return CaseEvent(int(kind), BASE + hour * HOUR, pack_id(f"e{number}"), days, text, opening, None)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A case of any events in any order, dated forwards and backwards; some say that another was wrong."""
    hours = st.integers(-48, 24 * 90)
    events = [event(Kind.RECEIVED, draw(hours), 0, draw(OPENINGS))]
    for number in range(1, draw(st.integers(0, 6)) + 1):
        kind = draw(st.sampled_from(KINDS))
        named = f"e{draw(st.integers(1, 6))}" if kind is Kind.RETRACTED else None
        events.append(event(kind, draw(hours), number, Opening() if kind is Kind.ACCEPTED else None, named))
    case = fold(draw(st.permutations(events)), WEEK, {})
    assert case is not None
    return case


def flow_of(found: Sequence[Case], start: int, end: int) -> Flow:
    """The balance of the days from start to end, each part counted by itself."""
    parts = dict.fromkeys(("carried", "received", *WAYS_OUT, "open"), 0)
    for case in found:
        left = left_on(case)
        parts["carried"] += case.received < start and (left is None or left >= start)
        parts["received"] += start <= case.received <= end
        parts["open"] += case.received <= end and (left is None or left > end)
        for way in ways_out(case):
            parts[way] += left is not None and start <= left <= end
    return Flow(**parts)


@given(st.lists(cases(), max_size=12), st.integers(1, 40))
def test_any_stretch_of_days_balances_and_begins_with_what_the_one_before_left_open(
    found: list[Case], length: int
) -> None:
    first = min((case.received for case in found), default=0)
    left_open = 0
    for start in range(first, first + LAST_DAY, length):
        flow = flow_of(found, start, start + length - 1)
        assert flow.balances
        assert flow.carried == left_open
        left_open = flow.open


@given(cases())
def test_a_case_that_left_did_so_in_exactly_one_way_and_not_before_it_came(case: Case) -> None:
    left = left_on(case)
    assert len(ways_out(case)) == (left is not None)
    assert left is None or left >= case.received
