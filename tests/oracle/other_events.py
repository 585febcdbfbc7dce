"""Item versions, tallies, declared figures and heartbeats for streams."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.oracle.declared import COUNTS, SHARES
from tests.oracle.noise import LIMITS, blemish
from tests.oracle.pen import DEPARTMENTS, Pen

KINDS = (
    "licensing", "confirmation", "payment", "reward", "adjudication", "levy", "inspection", "public_service", "other",
)  # fmt: skip
ITEM_FLAGS = ("settled", "unified", "full_process", "tolerates_missing", "commitment")
EFFECTIVE = ("2025-06-01", "2026-01-01", "2026-01-01", "2026-03-02", "2026-06-15", "2026-09-03", "2026-12-15")


def item_version(pen: Pen, region: str, item_code: str, effective_from: str | None = None) -> None:
    """A version published by one of two halls; its event may be as late, or as early, as it likes."""
    instant = pen.maybe(0.35)
    data: dict[str, Any] = {
        "item_code": item_code, "basic_code": item_code[-5:], "name": f"事项{item_code[-3:]}",
        "department": pen.rng.choice(DEPARTMENTS), "kind": pen.rng.choice(KINDS),
        "handling": "instant" if instant else "promised",
        "effective_from": effective_from or pen.rng.choice([*EFFECTIVE, str(pen.day())]),
    }  # fmt: skip
    data |= {name: pen.maybe(0.6) for name in ITEM_FLAGS if pen.maybe(0.9)}
    if pen.maybe(0.9):
        data["statutory_days"] = pen.rng.choice([*LIMITS, 20, 30, 60])
    if pen.maybe(0.9):
        data["promised_days"] = pen.rng.choice([0, 0, None]) if instant else pen.rng.choice([*LIMITS, 2, 4, 8])
    _write_item(pen, region, "published", data)


def retirement(pen: Pen, region: str, item_code: str) -> None:
    """A retired item; half of them come back."""
    day = pen.day()
    _write_item(pen, region, "retired", {"item_code": item_code, "effective_from": str(day)})
    if pen.maybe(0.5):
        item_version(pen, region, item_code, str(day + timedelta(pen.rng.choice([0, 0, 7, 30]))))


def _write_item(pen: Pen, region: str, what: str, data: dict[str, Any]) -> None:
    source = pen.source(region, (50, 50, 0))
    blemish(pen, pen.write(source, f"item.{what}", pen.moment(pen.day()), data), corrected=0.15, retracted=0.1)


def catalogue(pen: Pen, items: int) -> dict[str, list[str]]:
    """The first versions of a region's items, but for a few that stay unknown or come late."""
    codes = {region: [f"{region}{number:05d}" for number in range(items)] for region in pen.regions}
    for region, known in codes.items():
        for code in known:
            if pen.maybe(0.85):
                item_version(pen, region, code, pen.rng.choice(["2025-06-01", "2026-01-01"]))
    return codes


def later_item(pen: Pen, codes: dict[str, list[str]]) -> None:
    region = pen.rng.choice(pen.regions)
    code = pen.rng.choice(codes[region])
    if pen.maybe(0.2):
        retirement(pen, region, code)
    else:
        item_version(pen, region, code)


def tally(pen: Pen) -> None:
    """A day's counts with up to three revisions, on days without and with cases of the hall."""
    source, day = pen.source(weights=(10, 20, 70)), pen.day()
    for revision in range(pen.rng.choice([1, 1, 1, 2, 3])):
        accepted, decided = pen.rng.randrange(30), pen.rng.randrange(20)
        data = {
            "date": str(day), "revision": revision, "accepted": accepted, "rejected": pen.rng.randrange(4),
            "unified_accepted": pen.rng.randint(0, accepted), "full_process_accepted": pen.rng.randint(0, accepted),
            "decided": decided, "instant_decided": pen.rng.randint(0, decided),
        }  # fmt: skip
        written = pen.write(source, "tally.reported", pen.moment(min(day + timedelta(revision), pen.end)), data)
        blemish(pen, written, corrected=0.1, retracted=0.15)


def period(pen: Pen) -> str:
    day: date = pen.day()
    return str(day)[: pen.rng.choices([4, 7, 10], [1, 10, 3])[0]]


def figure(pen: Pen) -> None:
    """Declared by the region or a department, with revisions; some cannot be right, or nobody asked for them."""
    source, indicator = pen.source(), pen.rng.choice(SHARES + COUNTS)
    data: dict[str, Any] = {"indicator": "made_up" if pen.maybe(0.05) else indicator, "period": period(pen)}
    if pen.maybe(0.6):
        data["department"] = "no-such-office" if pen.maybe(0.06) else pen.rng.choice(DEPARTMENTS)
    for revision in range(pen.rng.choice([1, 1, 1, 2, 3])):
        numerator = pen.rng.randrange(40)
        said = {**data, "revision": revision, "numerator": numerator}
        if (indicator in SHARES) is not pen.maybe(0.06):
            said["denominator"] = max(0, numerator + pen.rng.randrange(-4, 40))
        blemish(pen, pen.write(source, "figure.reported", pen.moment(pen.day()), said), corrected=0.1, retracted=0.12)


def heartbeat(pen: Pen) -> None:
    pen.write(pen.source(), "heartbeat", pen.moment(pen.day()))
