"""A line of the ledger as it crosses the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hallpulse.store.notices import Entry


def entry_answer(entry: Entry) -> dict[str, Any]:
    notice = entry.notice
    return {
        "region": notice.region,
        "receiver": notice.receiver,
        "alert": notice.alert,
        "severity": notice.severity,
        "summary": notice.summary,
        "value": notice.annotations.get("value"),
        "goal": notice.annotations.get("goal"),
        "gap": notice.annotations.get("gap"),
        "labels": dict(notice.labels),
        "annotations": dict(notice.annotations),
        "fingerprint": notice.fingerprint,
        "started": _time(notice.started),
        "told": _time(entry.told),
        "last_told": _time(entry.last_told),
        "times": entry.times,
        "acknowledged": _time(entry.acknowledged),
        "acknowledged_by": entry.acknowledged_by,
        "resolved": _time(notice.ended),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
