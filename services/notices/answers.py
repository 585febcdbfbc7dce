"""A line of the ledger as it crosses the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hallpulse.store.notices import Entry

from .webhook import plain


def entry_answer(entry: Entry) -> dict[str, Any]:
    """foreign: no rule of this suite made the alert. Lines of an earlier version may hold what is no longer stored."""
    notice = entry.notice
    annotations = _plain(notice.annotations)
    return {
        "region": notice.region,
        "receiver": plain(notice.receiver),
        "alert": plain(notice.alert),
        "severity": plain(notice.severity),
        "summary": plain(notice.summary),
        "value": annotations.get("value"),
        "goal": annotations.get("goal"),
        "gap": annotations.get("gap"),
        "labels": _plain(notice.labels),
        "annotations": annotations,
        "fingerprint": notice.fingerprint,
        "started": _time(notice.started),
        "told": _time(entry.told),
        "last_told": _time(entry.last_told),
        "times": entry.times,
        "acknowledged": _time(entry.acknowledged),
        "acknowledged_by": plain(entry.acknowledged_by) if entry.acknowledged_by else None,
        "resolved": _time(notice.ended),
        "foreign": not notice.ours,
    }


def _plain(texts: Mapping[str, str]) -> dict[str, str]:
    return {plain(name): plain(text) for name, text in texts.items()}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
