"""The tables that all peers use."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

SCHEMA = """
CREATE TABLE peer_events (
    region int, hall text, id text, type text NOT NULL, time timestamptz NOT NULL, case_id text, data jsonb,
    PRIMARY KEY (region, hall, id)
);
CREATE TABLE peer_cases (
    region int, hall text, case_id text, item_code text, department text NOT NULL DEFAULT '',
    received date, accepted date, rejected date, decided date, withdrawn date, rated date, score int,
    PRIMARY KEY (region, hall, case_id)
);
CREATE TABLE peer_days (
    region int, hall text, department text, day date,
    received int NOT NULL DEFAULT 0, accepted int NOT NULL DEFAULT 0, rejected int NOT NULL DEFAULT 0,
    decided int NOT NULL DEFAULT 0, withdrawn int NOT NULL DEFAULT 0, rated int NOT NULL DEFAULT 0,
    PRIMARY KEY (region, hall, department, day)
);
"""
COUNTED = ("received", "accepted", "rejected", "decided", "withdrawn", "rated")
_SHANGHAI = timezone(timedelta(hours=8))


def key_of(event: dict[str, Any]) -> tuple[int, str, str]:
    """Return region, hall and id of an event."""
    _, region, hall = event["source"].split("/")
    return int(region), hall, event["id"]


def counted_as(event: dict[str, Any]) -> str | None:
    """Return the column that counts the event, such as `received` for hall.case.received.v1; None if none does."""
    _, family, what, *_ = event["type"].split(".")
    return what if family == "case" and what in COUNTED else None


def time_of(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def day_of(event: dict[str, Any]) -> date:
    return time_of(event).astimezone(_SHANGHAI).date()
