"""The inbox of alerts with a real Alertmanager, the `notices` process, a real broker and database."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hallpulse.store import Grant, Store
from hallpulse.store.notices import AlertKey, Notice, NoticeNote
from services.gateway.service_calls import open_services
from services.local import ports
from services.local.monitoring import Alertmanager
from services.notices.firing import FiringAlerts
from tests.gateway_ground import COUNTY, FakeClock
from tests.ingesting import wait_until
from tests.integration.test_service_calls import running
from tests.peopled import OTHER_COUNTY, Peopled, Signed
from tests.servers import Vhost

SCRIPT = "<script>alert(1)</script>"
BEHIND = {
    "alertname": "TargetBehindPath", "severity": "warning", "region": str(COUNTY), "target": "settled_items",
    "department": "justice",
}  # fmt: skip


@dataclass
class Ground:
    people: Peopled
    alertmanager: str
    broker: str

    def fire(self, **labels: str) -> None:
        """As Prometheus does."""
        now = datetime.now(UTC)
        alert = {
            "labels": labels,
            "annotations": {"summary": f"进驻率:进度落后 {SCRIPT}", "description": "今日应达 92 %。"},
            "startsAt": (now - timedelta(minutes=3)).isoformat(),
            "endsAt": (now + timedelta(minutes=5)).isoformat(),
        }
        httpx.post(f"{self.alertmanager}/api/v2/alerts", json=[alert]).raise_for_status()

    def has(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.alertmanager}/api/v2/alerts").json()
        return found


@pytest.fixture
def ground(store: Store, store_url: str, vhost: Vhost, tmp_path: Path) -> Iterator[Ground]:
    port = ports.choose(["alertmanager"])["alertmanager"]
    server = Alertmanager(tmp_path / "alertmanager", tmp_path / "alertmanager.log", port, "secret", "hidden")
    command = server.command()
    settings = {
        "HALLPULSE_DATABASE_URL": store_url,
        "HALLPULSE_AMQP_URL": vhost.amqp_url,
        "HALLPULSE_ALERTMANAGER_URL": server.url,
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command.argv, env=dict(command.environment), stderr=log, stdout=log)
    try:
        wait_until(server.is_ready, 30)
        with running(["notices"], tmp_path, **settings), open_services(vhost.amqp_url) as services:
            people = Peopled(store, FakeClock(datetime.now(UTC)), services=services)
            with people.client:
                yield Ground(people, server.url, vhost.amqp_url)
    finally:
        process.terminate()
        process.wait(20)


def inbox(who: Signed, region: int = COUNTY) -> list[dict[str, Any]]:
    answer = who.get("/v1/alerts", region=region)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["alerts"]
    return found


@pytest.mark.attack
def test_the_inbox_is_what_alertmanager_has_and_keeps_who_takes_care_and_what_was_noted(
    ground: Ground, store: Store
) -> None:
    bureau, leader = ground.people.sign_in("bureau"), ground.people.sign_in("leader")
    assert inbox(bureau) == []
    ground.fire(**BEHIND)
    ground.fire(alertname="PartFailing", severity="critical", part="ingest")
    ground.fire(**{**BEHIND, "region": str(OTHER_COUNTY)})
    shown = inbox(bureau)
    there = {one["fingerprint"]: one for one in ground.has()}
    assert len(there) == 3
    assert {one["fingerprint"] for one in shown} == {
        name for name, one in there.items() if one["labels"].get("region") != str(OTHER_COUNTY)
    }
    (own,) = [one for one in shown if one["region"] == str(COUNTY)]
    assert own["names"]["target"]["zh"] == "进驻事项占比"
    assert own["names"]["department"]["zh"] == "县司法局"
    assert SCRIPT in own["annotations"]["summary"]
    assert own["receivers"] == [one["name"] for one in there[own["fingerprint"]]["receivers"]]

    which = {"region": str(COUNTY), "fingerprint": own["fingerprint"]}
    assert bureau.post("/v1/alerts/acknowledge", which).status_code == 404, "nobody was told of it yet"
    started = datetime.fromisoformat(own["started"])
    told = Notice(COUNTY, own["fingerprint"], started, "bureau", own["alert"], "warning", "s", own["labels"], {})
    store.notices.record([told], [], datetime.now(UTC))
    assert leader.post("/v1/alerts/acknowledge", which).status_code == 403
    assert bureau.post("/v1/alerts/acknowledge", which).status_code == 200
    assert bureau.post("/v1/alerts/note", {**which, "text": f"已电话催办 {SCRIPT}"}).status_code == 201
    (own,) = [one for one in inbox(leader) if one["region"] == str(COUNTY)]
    assert own["acknowledged_by"] == "王bureau (bureau)"
    assert [(one["by"], one["text"]) for one in own["notes"]] == [("王bureau (bureau)", f"已电话催办 {SCRIPT}")]
    lines = {line.entry.action: line.claimed for line in ground.people.lines("notice")}
    assert lines == dict.fromkeys(("notice.acknowledge", "notice.note"), "bureau: 王bureau (bureau)")

    for text in ("", "x" * 501, "a\u0000b", "电话 13912345678"):
        assert bureau.post("/v1/alerts/note", {**which, "text": text}).status_code == 422, text
    ground.people.add("other", Grant("bureau", OTHER_COUNTY))
    other = ground.people.sign_in("other")
    assert other.get("/v1/alerts", region=COUNTY).status_code == 403
    for path, more in (("acknowledge", {}), ("note", {"text": "x"})):
        assert other.post(f"/v1/alerts/{path}", {**which, **more}).status_code == 403
        assert bureau.post(f"/v1/alerts/{path}", {**which, "region": str(OTHER_COUNTY), **more}).status_code == 403
        assert bureau.post(f"/v1/alerts/{path}", {**which, "region": "x", **more}).status_code == 422


def test_an_alert_is_silenced_for_a_time_with_a_reason_and_the_silence_is_ended_early(ground: Ground) -> None:
    bureau, leader = ground.people.sign_in("bureau"), ground.people.sign_in("leader")
    ground.fire(**BEHIND)
    ground.fire(**{**BEHIND, "department": "water"})
    which = {"region": str(COUNTY)} | next(
        {"fingerprint": one["fingerprint"]} for one in inbox(bureau) if one["labels"]["department"] == "justice"
    )
    said = {**which, "hours": 4, "reason": f"系统升级 {SCRIPT}"}
    assert leader.post("/v1/alerts/silence", said).status_code == 403
    for wrong in ({"hours": 0}, {"hours": 10_000}, {"reason": ""}, {"reason": "a\nb"}, {"reason": "电话 13912345678"}):
        assert bureau.post("/v1/alerts/silence", {**said, **wrong}).status_code == 422, wrong
    assert bureau.post("/v1/alerts/silence", {**said, "fingerprint": "f" * 16}).status_code == 404
    assert bureau.post("/v1/alerts/unsilence", which).status_code == 404, "nothing is silenced yet"
    answer = bureau.post("/v1/alerts/silence", said)
    assert answer.status_code == 201, answer.text

    def shown() -> dict[str, dict[str, Any]]:
        return {one["labels"]["department"]: one for one in inbox(leader)}

    wait_until(lambda: shown()["justice"]["silenced"], 30)
    assert not shown()["water"]["silenced"], "of this alert alone"
    (silence,) = shown()["justice"]["silences"]
    by = "王bureau (bureau)"
    assert silence == {"by": by, "reason": said["reason"], "until": answer.json()["until"], "own": True}
    (theirs,) = [s for s in httpx.get(f"{ground.alertmanager}/api/v2/silences").json() if s["createdBy"] == by]
    assert (theirs["comment"], theirs["status"]["state"]) == (said["reason"], "active")

    assert bureau.post("/v1/alerts/unsilence", which).status_code == 200
    wait_until(lambda: not shown()["justice"]["silenced"], 30)
    lines = {line.entry.action: (line.claimed, line.entry.detail["reason"]) for line in ground.people.lines("notice")}
    assert lines == dict.fromkeys(("notice.silence", "notice.unsilence"), (f"bureau: {by}", said["reason"]))

    everything = {
        "matchers": [{"name": "alertname", "value": ".+", "isRegex": True}], "createdBy": "ops", "comment": "x",
        "startsAt": datetime.now(UTC).isoformat(), "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    httpx.post(f"{ground.alertmanager}/api/v2/silences", json=everything).raise_for_status()
    wait_until(lambda: shown()["justice"]["silenced"], 30)
    assert bureau.post("/v1/alerts/unsilence", which).status_code == 404, "a silence of others ends elsewhere"
    assert shown()["water"]["silenced"]


def test_an_alert_that_fires_again_ends_its_earlier_line_in_the_ledger(store: Store) -> None:
    """Alertmanager tells of no end where the alert fires again within its group's interval."""
    first = datetime(2026, 11, 24, 4, tzinfo=UTC)
    again = first + timedelta(minutes=2)
    for started in (first, again):
        store.notices.record([Notice(COUNTY, "f", started, "bureau", "A", "info", "s", {}, {})], [], started)
    ended = {line.notice.started: line.notice.ended for line in store.notices.list()}
    assert ended == {first: again, again: None}


def test_what_was_said_of_an_earlier_time_is_not_shown_of_this_one(store: Store) -> None:
    said = datetime(2026, 11, 24, 4, tzinfo=UTC)
    store.notices.record([Notice(COUNTY, "f", said, "bureau", "A", "info", "s", {}, {})], [], said)
    store.notices.acknowledge(COUNTY, "f", "王", said)
    store.notices.note(AlertKey(COUNTY, "f"), NoticeNote(said, "王", "看过"))
    for started, seen in (("2026-11-24T03:00:00Z", True), ("2026-11-24T05:00:00Z", False)):
        raw = (
            '[{"labels":{"region":"222424"},"annotations":{},"fingerprint":"f","receivers":[],'
            f'"startsAt":"{started}","status":{{"state":"active","silencedBy":[],"inhibitedBy":[]}}}}]'
        )
        (found,) = FiringAlerts("http://there", store.notices, lambda _, raw=raw: raw.encode()).list()["alerts"]
        assert (found["acknowledged_by"] == "王", len(found["notes"]) == 1) == (seen, seen)
