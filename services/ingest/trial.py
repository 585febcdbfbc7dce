"""A trial before anything is consumed: would this build, with this clock, still accept the stored events?

An earlier start accepted them. A build that refuses them, or a clock that is behind them, would refuse the events in
the queues too, and that fault is ours. The trial uses stored events of every hall, also of halls that send nothing now.
If the events of one hall are still accepted, ingest starts: no single hall can stop it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from hallpulse.contract.decode import EVENT_TYPE, decode_message
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import HallEvent
from hallpulse.contract.reasons import Reason
from hallpulse.store import Store
from services.ingest.worker import RefusalsOverLimit, most_of

CASES_EACH = 5
AHEAD = timedelta(hours=24)
"""How far ahead of the clock an event's time may be."""
_WHAT_TO_DO = (
    "; nothing is taken off the queues. Mend the deployment, then `hallpulse refused resume`;"
    " if it is right, start ingest with HALLPULSE_REFUSAL_LIMIT=off"
)


def try_stored(store: Store, now: int) -> None:
    """Raise RefusalsOverLimit if this build or this clock would refuse stored events of every hall, or Unavailable.

    now: microseconds since 1970-01-01 UTC.
    """
    with store.read() as moment:
        events, newest = moment.sample_events(CASES_EACH), moment.last_event_times()
    check_clock(newest.values(), now)
    check_build(events, now)


def check_clock(newest: Iterable[int], now: int) -> None:
    """Raise RefusalsOverLimit if this machine's clock is more than a day behind every hall's newest event.

    newest: the time of each hall's newest event; it and now: microseconds since 1970-01-01 UTC.
    """
    times = list(newest)
    if times and min(times) > now + AHEAD // timedelta(microseconds=1):
        days = (min(times) - now) / (timedelta(days=1) // timedelta(microseconds=1))
        raise RefusalsOverLimit(
            f"refusal limit: by the clock of this machine the newest event of every hall lies {days:.1f} days ahead"
            + _WHAT_TO_DO
        )


def check_build(events: Sequence[HallEvent], now: int) -> None:
    refused = refusals(events, now)
    if refused and all(2 * len(reasons) > count for reasons, count in refused.values()):
        reasons = Counter(reason.value for found, _ in refused.values() for reason in found)
        raise RefusalsOverLimit(
            f"refusal limit: this version refuses what an earlier one took, of every hall ({len(refused)});"
            f" reasons: {most_of(reasons)}" + _WHAT_TO_DO
        )


def refusals(events: Iterable[HallEvent], now: int) -> Mapping[tuple[int, str], tuple[list[Reason], int]]:
    """Return hall → the reasons why its stored events would be refused now, and how many were tried."""
    reasons: dict[tuple[int, str], list[Reason]] = defaultdict(list)
    tried: Counter[tuple[int, str]] = Counter()
    for event in events:
        hall = f"{event.region}.{event.hall}"
        decoded = decode_message(
            encode_event(event),
            content_type=EVENT_TYPE,
            routing_key=f"{hall}.{event.type.family}",
            user_id=hall,
            now=now,
            gateway_users=frozenset(),
        )
        tried[event.region, event.hall] += 1
        reasons[event.region, event.hall] += [refusal.reason for refusal in decoded.refusals]
    return {hall: (reasons[hall], count) for hall, count in tried.items()}
