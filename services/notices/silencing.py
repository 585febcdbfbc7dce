"""Silences of alerts in Alertmanager: each is for one alert and a limited time, with a reason and a person's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from hallpulse.domain.errors import Unavailable
from hallpulse.store.notices import AlertKey, NoticeLedger
from services.notices.webhook import plain

SECONDS = 5.0
MOST_HOURS, MOST_REASON = 24 * 30, 500
Content = TypeVar("Content")


class NoSuchAlert(ValueError):
    """The alert does not fire, or is not silenced; the message says which."""


class Matcher(msgspec.Struct, frozen=True, rename="camel"):
    """A condition of a silence on a label's value."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class _SilenceStatus(msgspec.Struct, frozen=True):
    state: Literal["active", "pending", "expired"]


class Silence(msgspec.Struct, frozen=True, rename="camel"):
    """A silence of Alertmanager's API, version 2."""

    id: str
    matchers: list[Matcher]
    ends_at: datetime
    created_by: str
    comment: str
    status: _SilenceStatus

    def is_of_one(self, labels: Mapping[str, str]) -> bool:
        """Return whether the silence names exactly these labels, so that it is for this one alert."""
        plainly = all(one.is_equal and not one.is_regex for one in self.matchers)
        return plainly and {one.name: one.value for one in self.matchers} == dict(labels)


class SilencedAlert(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an alert that a silence needs."""

    labels: dict[str, str]
    fingerprint: str

    @property
    def region(self) -> int:
        """The region's code; 0 for an alert of the suite itself."""
        region = self.labels.get("region", "")
        return int(region) if region.isascii() and region.isdecimal() and len(region) == 6 else 0


@dataclass(frozen=True, slots=True)
class Silencer:
    """Silences alerts. url: Alertmanager's address with its login, "" if none is known."""

    url: str
    ledger: NoticeLedger

    def silence(self, key: AlertKey, by: str, reason: str, hours: float, now: datetime) -> datetime:
        """Silence a firing alert, and return the end of the silence. Raises NoSuchAlert, Unavailable.

        A silence that cannot be written to the audit is removed again.
        """
        labels, until = self._labels(key), now + timedelta(hours=hours)
        body = {
            "matchers": [msgspec.to_builtins(Matcher(name, value)) for name, value in sorted(labels.items())],
            "startsAt": now.isoformat(), "endsAt": until.isoformat(), "createdBy": by, "comment": reason,
        }  # fmt: skip
        made = msgspec.json.decode(self._ask("POST", "silences", body), type=dict[str, str])["silenceID"]
        try:
            self.ledger.tell_silence(key, "notice.silence", by, {"reason": reason, "until": until.isoformat()})
        except Unavailable:
            self._ask("DELETE", f"silence/{made}")
            raise
        return until

    def end(self, key: AlertKey, by: str) -> None:
        """End the silences of an alert early. Raises NoSuchAlert if there is none for this alert alone, Unavailable."""
        labels = self._labels(key)
        own = [one for one in self.active() if one.is_of_one(labels)]
        if not own:
            raise NoSuchAlert("fingerprint: no silence is of this alert alone: a wider one is ended in Alertmanager")
        for one in own:
            self._ask("DELETE", f"silence/{one.id}")
        self.ledger.tell_silence(key, "notice.unsilence", by, {"reason": plain(own[0].comment)})

    def active(self) -> Sequence[Silence]:
        """Return the silences in force. Raises Unavailable."""
        found = _decoded(self._ask("GET", "silences"), list[Silence])
        return [one for one in found if one.status.state == "active"]

    def _labels(self, key: AlertKey) -> dict[str, str]:
        alerts = _decoded(self._ask("GET", "alerts?active=true&silenced=true&inhibited=true"), list[SilencedAlert])
        for one in alerts:
            if (one.region, one.fingerprint) == (key.region, key.fingerprint):
                return one.labels
        raise NoSuchAlert("fingerprint: this alert does not fire now")

    def _ask(self, method: str, path: str, body: Any = None) -> bytes:
        if not self.url:
            raise Unavailable("no Alertmanager is known: HALLPULSE_ALERTMANAGER_URL names it")
        address = f"{self.url.rstrip('/')}/api/v2/{path}"
        try:
            return httpx.request(method, address, json=body, timeout=SECONDS).raise_for_status().content
        except httpx.HTTPError as error:
            raise Unavailable(f"Alertmanager does not answer: {type(error).__name__}") from None


def _decoded(body: bytes, kind: type[Content]) -> Content:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"Alertmanager answers in another form than expected: {error}") from None
