"""The alerts that fire now, from Alertmanager, with people's acknowledgements and notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import httpx
import msgspec

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store.notices import AlertKey, NoticeLedger, PeopleSaid
from services.notices.silencing import Silence
from services.notices.webhook import plain

SECONDS = 5.0
MOST_TEXT = 500
Get = Callable[[str], bytes]


class _Receiver(msgspec.Struct, frozen=True):
    name: str


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    state: Literal["active", "suppressed", "unprocessed"]
    silenced_by: list[str]


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """An alert of Alertmanager's API, version 2."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    fingerprint: str
    status: _Status
    receivers: list[_Receiver]

    @property
    def region(self) -> int:
        """The region's code; 0 for an alert of the suite itself."""
        region = self.labels.get("region", "")
        return int(region) if region.isascii() and region.isdecimal() and len(region) == 6 else 0


_decode = msgspec.json.Decoder(list[Alert]).decode


class FiringAlerts:
    """Returns the firing alerts with people's acknowledgements and notes.

    url: Alertmanager's address, "" if none is known; get: fetches an address; silences: returns the silences in force.
    """

    def __init__(
        self,
        url: str,
        ledger: NoticeLedger,
        get: Get | None = None,
        silences: Callable[[], Sequence[Silence]] = tuple,
    ) -> None:
        self._url, self._ledger, self._get, self._silences = url.rstrip("/"), ledger, get or _fetch, silences

    def list(self) -> dict[str, Any]:
        """Return every alert that fires, also silenced ones, the oldest first.

        Raises Unavailable if Alertmanager is not known or does not answer as expected.
        """
        if not self._url:
            raise Unavailable("no Alertmanager is known: HALLPULSE_ALERTMANAGER_URL names it")
        try:
            alerts = _decode(self._get(f"{self._url}/api/v2/alerts?active=true&silenced=true&inhibited=true"))
        except msgspec.MsgspecError as error:
            raise Unavailable(f"Alertmanager answers in another form than expected: {error}") from None
        said = self._ledger.said([AlertKey(one.region, one.fingerprint) for one in alerts])
        silences = {one.id: one for one in self._silences()} if any(one.status.silenced_by for one in alerts) else {}
        shown = sorted(alerts, key=lambda one: (one.starts_at, one.fingerprint))
        nothing = PeopleSaid()
        return {
            "alerts": [
                _answer(one, said.get(AlertKey(one.region, one.fingerprint), nothing), silences) for one in shown
            ]
        }


def _fetch(address: str) -> bytes:
    try:
        return httpx.get(address, timeout=SECONDS).raise_for_status().content
    except httpx.HTTPError as error:
        raise Unavailable(f"Alertmanager does not answer: {type(error).__name__}") from None


def _answer(alert: Alert, said: PeopleSaid, silences: Mapping[str, Silence]) -> dict[str, Any]:
    mine = said.acknowledged is not None and said.acknowledged >= alert.starts_at
    return {
        "region": f"{alert.region}",
        "fingerprint": alert.fingerprint,
        "alert": plain(alert.labels.get("alertname", "")),
        "severity": plain(alert.labels.get("severity", "")),
        "labels": _plain(alert.labels),
        "annotations": _plain(alert.annotations),
        "started": _time(alert.starts_at),
        "receivers": sorted(plain(one.name) for one in alert.receivers),
        "silenced": bool(alert.status.silenced_by),
        "silences": [_silence(silences[id_], alert) for id_ in alert.status.silenced_by if id_ in silences],
        "acknowledged": _time(said.acknowledged) if mine else None,
        "acknowledged_by": said.acknowledged_by if mine else None,
        "notes": _notes(said, alert.starts_at),
    }


def _silence(silence: Silence, alert: Alert) -> dict[str, Any]:
    return {
        "by": plain(silence.created_by),
        "reason": plain(silence.comment),
        "until": _time(silence.ends_at),
        "own": silence.is_of_one(alert.labels),
    }


def _notes(said: PeopleSaid, since: datetime) -> Sequence[dict[str, str | None]]:
    """Return the notes since the alert began to fire; older ones belong to an earlier time."""
    return [{"at": _time(n.at), "by": n.by, "text": n.text} for n in said.notes if n.at >= since]


def _plain(texts: dict[str, str]) -> dict[str, str]:
    return {plain(name): plain(text) for name, text in texts.items()}


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds") if moment is not None else None
