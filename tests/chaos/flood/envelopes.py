"""Batches of a hundred events, made beforehand but for their ids: so that a core can offer more than ingest takes."""

from __future__ import annotations

import json
import random
from typing import Any

REGION, HALLS, EVENTS = 222424, 16, 100
_MARK = "@@@@@@@@"
_STEPS = ("received", "accepted", "decided")


def hall_of(sequence: int) -> str:
    return f"flood-{sequence % HALLS}"


def key_of(sequence: int) -> str:
    return f"{REGION}.{hall_of(sequence)}.case"


class Envelopes:
    """Those of one publisher; `name`, a letter, keeps its ids and cases apart from those of others."""

    def __init__(self, name: str, hall: str | None = None) -> None:
        self._name = name
        self._templates = [_template(hall or hall_of(number), random.Random(number)) for number in range(HALLS)]

    def body(self, sequence: int) -> bytes:
        return self._templates[sequence % HALLS].replace(_MARK.encode(), f"{self._name}{sequence:07d}".encode())


def ids_of(name: str, sequence: int) -> list[str]:
    return [f"{name}{sequence:07d}-{number:02d}" for number in range(EVENTS)]


def _template(hall: str, rng: random.Random) -> bytes:
    events: list[dict[str, Any]] = []
    for number in range(EVENTS):
        step = _STEPS[number % 3]
        if step == "received":
            case, day = f"{_MARK}-{number:02d}", rng.randrange(1, 28)
        data: dict[str, Any] = {"case_id": case}
        if step == "received":
            data |= {"item_code": f"222424{rng.randrange(1200):08d}", "department": f"dept-{rng.randrange(40)}",
                     "channel": "window"}  # fmt: skip
        elif step == "decided":
            data["outcome"] = "granted"
        events.append({
            "specversion": "1.0", "id": f"{_MARK}-{number:02d}", "source": f"/{REGION}/{hall}",
            "type": f"hall.case.{step}.v1", "time": f"2026-03-{day:02d}T{9 + number % 3:02d}:30:00+08:00", "data": data,
        })  # fmt: skip
    return json.dumps(events, ensure_ascii=False).encode()
