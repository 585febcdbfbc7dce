"""Cases: the state of one case as a function of the set of its events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from tests.oracle.catalogue import Item, Versions, effective, promised_limit
from tests.oracle.eventset import (
    Event,
    action,
    content,
    corrects,
    family,
    hall_of,
    instant,
    latest,
    local_day,
    order,
    region_of,
)
from tests.oracle.workdays import Working, days_after, wd

Case = dict[str, Any]
Span = tuple[date, date]
LAST_DAY = date(2250, 12, 31)


def fold_all(
    all_events: Iterable[Event], standing: Iterable[Event], items: Versions, is_working: Working
) -> list[Case]:
    by_case: dict[tuple[str, str, str], list[Event]] = {}
    for event in standing:
        if family(event) == "case":
            by_case.setdefault((region_of(event), hall_of(event), event["data"]["case_id"]), []).append(event)
    every: dict[tuple[str, str, str], list[Event]] = {}
    for event in all_events:
        if family(event) == "case":
            every.setdefault((region_of(event), hall_of(event), event["data"]["case_id"]), []).append(event)
    known = {
        (region_of(event), hall_of(event), event["data"]["case_id"], event["type"], event["id"])
        for event in all_events
        if family(event) == "case"
    }
    folded = [fold(key, events, items, is_working) for key, events in sorted(by_case.items())]
    for case, (key, events) in zip(folded, sorted(by_case.items()), strict=True):
        if not case["pending"] and any(
            (named := corrects(event)) is not None and (*key, event["type"], named) not in known for event in events
        ):
            case["flags"].add("corrects_nothing")
        if not case["pending"] and limit_changed(case, events, every[key]):
            case["flags"].add("limit_changed")
    return folded


def limit_changed(case: Case, standing: list[Event], every: list[Event]) -> bool:
    """Whether a promise that is kept would not be by a limit that an event stated whose place another took."""
    if case["promised_days"] is None or not kept(case, case["promised_days"]):
        return False
    stated = set()
    for event in every:
        if action(event) in ("received", "accepted"):
            counted = latest(one for one in standing if action(one) == action(event))
            if event not in standing or content(event) != content(counted):
                stated.add(event["data"].get("promised_days"))
    return any(days is not None and not kept(case, days) for days in stated)


def fold(key: tuple[str, str, str], events: list[Event], items: Versions, is_working: Working) -> Case:
    """One case as a dict: days are dates or None, limits integers or None."""
    case: Case = dict(zip(("region", "hall", "case_id"), key, strict=True))
    steps = {name: latest(event for event in events if action(event) == name) for name in STEPS}
    received = steps["received"]
    case["pending"] = received is None
    if received is None:
        return case
    accepted, rejected = which_side(steps)
    case["department"], case["item_code"] = received["data"]["department"], received["data"]["item_code"]
    case |= {name: event and local_day(event) for name, event in steps.items()}
    case["accepted"], case["rejected"] = accepted and local_day(accepted), rejected and local_day(rejected)
    rating, answer = steps["rated"], steps["rating_answered"] if steps["rated"] else None
    case["score"] = rating["data"]["score"] if rating else None
    case["by_default"] = bool(rating and rating["data"].get("automatic"))
    case["verified"] = bool(answer and answer["data"]["verified"])
    case["rectified"] = bool(answer and answer["data"]["rectified"])
    for name in ("unified", "full_process"):
        case[name] = bool(carried(accepted, received, name))
    case["extended_days"] = sum(event["data"]["days"] for event in events if action(event) == "extended")
    case["flags"] = flags_of_sequence(steps, accepted)
    if any(differ(event for event in events if action(event) == name) for name in ONCE):
        case["flags"].add("repeated_without_correction")
    add_suspensions(case, events, is_working)
    add_limits(case, accepted, received, items)
    add_clock(case, is_working)
    add_eve(case, is_working)
    return case


STEPS = (
    "received", "supplement_requested", "supplemented", "accepted", "rejected", "decided", "delivered", "rated",
    "rating_answered", "withdrawn",
)  # fmt: skip
ONCE = set(STEPS) - {"supplement_requested", "supplemented"}


def differ(events: Iterable[Event]) -> bool:
    said = [content(event) for event in events]
    return any(one != said[0] for one in said)


def which_side(steps: dict[str, Event | None]) -> tuple[Event | None, Event | None]:
    """The acceptance and the refusal that count: at most one of the two."""
    accepted, rejected = steps["accepted"], steps["rejected"]
    if accepted and rejected:
        return (accepted, None) if order(accepted) > order(rejected) else (None, rejected)
    if not accepted and not rejected and steps["decided"]:
        return steps["received"], None  # a hall that accepts on receipt
    return accepted, rejected


def carried(accepted: Event | None, received: Event, name: str) -> Any:
    """What `accepted` says, else what `received` says; null says nothing."""
    said = accepted["data"].get(name) if accepted else None
    return received["data"].get(name) if said is None else said


def flags_of_sequence(steps: dict[str, Event | None], accepted: Event | None) -> set[str]:
    received, decided, rejected = steps["received"], steps["decided"], steps["rejected"]
    found = {
        "decided_before_accepted": decided and accepted and local_day(decided) < local_day(accepted),
        "accepted_after_decided": decided
        and accepted
        and accepted is not received
        and instant(accepted) > instant(decided),
        "accepted_and_rejected": steps["accepted"] and rejected,
        "decided_after_rejection": decided and rejected and not accepted,
        "decided_and_withdrawn": decided and steps["withdrawn"],
        "rated_undecided": steps["rated"] and not decided,
        "accepted_before_received": accepted and received and instant(accepted) < instant(received),
        "rated_at_once": decided
        and steps["rated"]
        and steps["rated"]["data"]["score"] == 5
        and not steps["rated"]["data"].get("automatic")
        and timedelta(0) <= instant(steps["rated"]) - instant(decided) <= timedelta(seconds=10),
    }
    return {flag for flag, holds in found.items() if holds}


def add_suspensions(case: Case, events: list[Event], is_working: Working) -> None:
    """Pair suspended and resumed in order of (time, id), then end at the decision what reaches beyond it."""
    spans: list[Span] = []
    open_since: date | None = None
    for event in sorted((e for e in events if action(e) in ("suspended", "resumed")), key=order):
        if action(event) == "suspended" and open_since is None:
            open_since = local_day(event)
        elif action(event) == "suspended":
            case["flags"].add("suspended_twice")
        elif open_since is None:
            case["flags"].add("resumed_without_suspension")
        else:
            spans.append((open_since, local_day(event)))
            open_since = None
    case["still_suspended"] = open_since is not None and not case["decided"]
    if open_since is not None:
        spans.append((open_since, LAST_DAY))
    if case["decided"]:
        spans = [(start, min(end, case["decided"])) for start, end in spans]
    case["spans"] = spans
    if any(end < LAST_DAY and wd(start, end, case["region"], is_working) > 60 for start, end in spans):
        case["flags"].add("long_suspension")


def add_limits(case: Case, accepted: Event | None, received: Event, items: Versions) -> None:
    """Each limit on its own: the case's, else that of the item version effective on the accepted day, else none."""
    case["statutory_days"] = carried(accepted, received, "statutory_days")
    case["promised_days"] = carried(accepted, received, "promised_days")
    if not case["accepted"]:
        return
    item: Item | None = effective(items.get((case["region"], case["item_code"]), ()), case["accepted"])
    if item is None and None in (case["statutory_days"], case["promised_days"]):
        case["flags"].add("unknown_item")
    if item and case["statutory_days"] is None:
        case["statutory_days"] = item.get("statutory_days")
    if item and case["promised_days"] is None:
        case["promised_days"] = promised_limit(item)
    limits = (case["promised_days"], case["statutory_days"])
    if None not in limits and limits[0] > limits[1]:
        case["flags"].add("promised_over_statutory")
    if {500, 999, 9999} & set(limits):
        case["flags"].add("limit_looks_like_none")


def add_clock(case: Case, is_working: Working) -> None:
    case["timed"] = bool(case["decided"] and case["accepted"] and case["decided"] >= case["accepted"])
    case["elapsed"] = elapsed(case, case["decided"], is_working) if case["timed"] else None
    case["due"] = due(case, case["promised_days"], is_working)
    case["due_statutory"] = due(case, case["statutory_days"], is_working)


def add_eve(case: Case, is_working: Working) -> None:
    """A suspension, after acceptance, that began with one working day of the promised limit left, or none."""
    if not case["accepted"] or case["promised_days"] is None:
        return
    limit = case["promised_days"] + case["extended_days"]
    for index, (start, _) in enumerate(case["spans"]):
        before = {**case, "spans": case["spans"][:index]}
        if start >= case["accepted"] and start < (case["decided"] or LAST_DAY) and limit > 1:
            left = limit - elapsed(before, start, is_working)
            if left in (0, 1):
                case["flags"].add("suspended_on_eve")


def counts(case: Case, day: date, is_working: Working) -> bool:
    """Whether a day is one of the case's working days: no holiday, and in no (suspended, resumed] span."""
    return is_working(day, case["region"]) and not any(start < day <= end for start, end in case["spans"])


def elapsed(case: Case, upto: date, is_working: Working) -> int:
    return sum(counts(case, day, is_working) for day in days_after(case["accepted"], upto))


def due(case: Case, limit: int | None, is_working: Working) -> date | None:
    """The first day on which the limit and its extensions are used up; none while a suspension is open."""
    if limit is None or not case["accepted"] or case["still_suspended"]:
        return None
    left, day = limit + case["extended_days"], case["accepted"]
    while left and day < LAST_DAY:
        day += timedelta(days=1)
        left -= counts(case, day, is_working)
    return day


def kept(case: Case, limit: int) -> bool:
    return bool(case["timed"] and case["elapsed"] <= limit + case["extended_days"])
