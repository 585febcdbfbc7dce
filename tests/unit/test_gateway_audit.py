"""Who was turned away, who read which cases: exact, by name within bounds, kept while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from hallpulse.domain.errors import Unavailable
from hallpulse.metrics import GatewayMetrics, new_registry
from hallpulse.store import AuditEntry, CaseReading
from services.gateway import access_audit as bounds
from services.gateway.access_audit import (
    MOST_DENIED,
    MOST_LINES,
    MOST_QUESTIONS,
    OTHERS,
    AccessAudit,
    Denials,
    Question,
    Readings,
    network_of,
)
from services.gateway.app import create_app
from tests.gateway_ground import DEPARTMENT_TOKEN, HALL_TOKEN, READ_TOKEN, FakeStore, make_resources

HOUR = datetime(2026, 11, 24, 4, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)


class Written:
    """A database that takes what it is given, or not."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.readings: list[CaseReading] = []
        self.fault: Unavailable | None = None

    def __call__(self, entries: Sequence[AuditEntry], readings: Sequence[CaseReading]) -> None:
        if self.fault is not None:
            raise self.fault
        self.entries += entries
        self.readings += readings

    def read(self) -> dict[tuple[str, str, str], int]:
        """(token, kind, subject) → reads."""
        found: dict[tuple[str, str, str], int] = {}
        for one in self.readings:
            key = (one.token, one.kind, one.subject)
            found[key] = found.get(key, 0) + one.reads
        return found


def asked(written: Written, *requests: tuple[str, str], store: FakeStore | None = None) -> list[int]:
    """The statuses of GET requests, each a token and an address, to a gateway that then ends."""
    resources = make_resources(store or FakeStore(), record=written)
    with TestClient(create_app(resources)) as gateway:
        return [
            gateway.get(path, headers={"authorization": f"Bearer {token}"} if token else {}).status_code
            for token, path in requests
        ]


def test_who_read_which_lists_of_cases_is_written_by_the_tokens_name() -> None:
    written = Written()
    overdue = "/v1/cases?region=222424&hall=hall-1&state=overdue"
    statuses = asked(
        written,
        (HALL_TOKEN, overdue),
        (HALL_TOKEN, f"{overdue}&limit=5"),
        (READ_TOKEN, "/v1/integrity?region=222400"),
        (HALL_TOKEN, "/v1/cases?region=222424&state=overdue"),
        (READ_TOKEN, "/v1/indicators?region=222424"),
        (READ_TOKEN, "/v1/cases?region=222424"),
    )
    assert statuses == [200, 200, 200, 403, 200, 422]
    assert written.read() == {
        ("222424.hall-1", "list", "hall=hall-1&state=overdue"): 2,
        ("read-token", "integrity", ""): 1,
    }
    assert {one.region for one in written.readings} == {222424, 222400}


def test_a_question_is_due_at_once_when_it_is_new_and_its_repetitions_with_the_hour() -> None:
    readings, question = Readings(), Question("a", "case", 222424, "222424/hall-1/1")
    readings.note(question, HOUR)
    assert readings.take() == [CaseReading(HOUR, *question, 1)]
    for _ in range(5):
        readings.note(question, HOUR)
    assert readings.take() == []
    readings.note(question, NEXT)
    assert readings.take() == [CaseReading(HOUR, *question, 5), CaseReading(NEXT, *question, 1)]


def test_above_its_bound_a_tokens_questions_are_counted_together_and_none_is_lost() -> None:
    readings, most = Readings(), MOST_QUESTIONS["list"]
    for number in range(most + 70):
        readings.note(Question("greedy", "list", 222424, str(number)), HOUR)
    readings.note(Question("greedy", "case", 222424, "c"), HOUR)
    readings.note(Question("other", "list", 222424, "x"), HOUR)
    due = readings.take()
    assert sum(one.reads for one in due if one.token == "greedy") == most + 71
    assert [one.reads for one in due if one.subject == OTHERS] == [70]
    assert len(due) == most + 3


def test_what_the_database_does_not_take_is_written_later() -> None:
    written = Written()
    audit = AccessAudit(GatewayMetrics(new_registry()), written)
    written.fault = Unavailable("database: away")
    audit._readings.note(Question("a", "case", 222424, "x"), HOUR)
    for _ in range(25):
        audit.answered(denied_scope("192.0.2.1"), 401, HOUR)
    asyncio.run(audit.write(HOUR))
    asyncio.run(audit.write(NEXT))
    assert (written.entries, written.readings) == ([], [])
    written.fault = None
    asyncio.run(audit.write(NEXT))
    assert [one.subject for one in written.readings] == ["x"]
    assert [entry.action for entry in written.entries] == ["access.denied", "access.hour"]
    asyncio.run(audit.write(NEXT))
    assert len(written.readings) == 1


def denied_scope(address: str, **state: Any) -> Any:
    return {"client": (address, 1), "state": state}


@pytest.mark.attack
def test_refusals_beyond_a_rate_are_in_the_audit_by_address_and_by_token() -> None:
    written = Written()
    statuses = asked(
        written,
        *[("made-up", "/v1/regions")] * 19,
        *[("", "/v1/regions")],
        *[(HALL_TOKEN, "/v1/cases/222424/hall-2/x")] * 20,
        *[(DEPARTMENT_TOKEN, "/v1/cases/222424/hall-2/x")] * 19,
    )
    assert statuses == [401] * 20 + [403] * 39
    told = [(entry.action, entry.subject, entry.region, dict(entry.detail)) for entry in written.entries]
    assert told[:3] == [
        ("access.denied", "address unknown", None, {"status": 401, "this_hour": 20}),
        ("access.denied", "address unknown", None, {"status": 403, "this_hour": 20}),
        ("access.denied", "token 222424.hall-1", 222424, {"status": 403, "this_hour": 20}),
    ]
    assert [(action, detail["refused"]) for action, _, _, detail in told[3:]] == [("access.hour", 59)]


@pytest.mark.attack
def test_a_flood_of_refusals_fills_neither_the_audit_nor_the_memory() -> None:
    denials = Denials()
    for number in range(3 * MOST_DENIED):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        for _ in range(20):
            denials.note("address", address, 401, HOUR)
    assert len(denials._counts) == MOST_DENIED + 1
    denials.turn(NEXT)
    lines = denials.take()
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].detail["refused"] == 3 * MOST_DENIED * 20
    assert lines[-1].detail["lines_left_out"] > MOST_DENIED - MOST_LINES
    denials.turn(NEXT + timedelta(hours=1))
    assert denials.take() == []


@pytest.mark.attack
def test_refusals_are_counted_without_a_series_for_each_address_or_token() -> None:
    registry = new_registry()
    audit = AccessAudit(GatewayMetrics(registry), Written())
    for number in range(300):
        audit.answered(denied_scope(f"10.0.{number >> 8}.{number & 255}"), 401, HOUR)
    audit.answered(denied_scope("10.0.0.1"), 401, HOUR)
    samples = [s for family in registry.collect() for s in family.samples if "denied" in s.name]
    assert registry.get_sample_value("hallpulse_gateway_denied_total", {"status": "401", "role": "none"}) == 301
    assert registry.get_sample_value("hallpulse_gateway_denied_most", {"by": "address"}) == 2
    assert len(samples) == 2
    asyncio.run(audit.write(NEXT))
    assert registry.get_sample_value("hallpulse_gateway_denied_most", {"by": "address"}) == 0


def test_in_all_a_bounded_number_of_questions_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_READINGS", 50)
    readings = Readings()
    for number in range(300):
        readings.note(Question(f"token-{number % 30}", "case", 222424, str(number)), HOUR)
    assert len(readings._counts) <= 50 + 30
    assert sum(one.reads for one in readings.take()) == 300


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
    ],
)
def test_one_customers_addresses_are_one(address: str, network: str) -> None:
    assert network_of(address) == network
