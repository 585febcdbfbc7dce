"""The services' calls of each other through a real broker: the gateway's by RPC, and what notices hears of targets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pika
import pytest
from litestar import get
from litestar.testing import TestClient

from hallpulse.broker import GATEWAY_PERMISSIONS
from hallpulse.broker.rpc import RpcError, call
from hallpulse.domain.errors import Unavailable
from hallpulse.store import Store
from services.gateway.app import create_app
from services.gateway.service_calls import RpcServices, open_services
from services.local import ports
from tests.gateway_ground import FakeStore, make_resources
from tests.ingesting import wait_until
from tests.servers import BrokerServer, Vhost

ROOT = Path(__file__).parents[2]
BREACH = {
    "region": 222424, "plan": "222424-2026", "id": "settled_items", "department": None,
    "indicator": "settled_item_share", "state": "behind", "value": 0.9, "goal": 0.92, "gap": -0.02,
    "at": "2026-11-24T04:00:00+00:00",
}  # fmt: skip


class Listed(msgspec.Struct):
    """What notices.list answers."""

    notices: list[dict[str, Any]]


@contextmanager
def running(names: Sequence[str], folder: Path, **settings: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The services as processes, ready."""
    chosen = ports.choose(list(names))
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in names:
            own = {"HALLPULSE_METRICS_PORT": str(chosen[name]), "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"}
            with (folder / name).open("w") as log:
                command = [sys.executable, "-m", f"services.{name}"]
                started.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings, **own}, stderr=log))
        wait_until(lambda: all("ready" in (folder / name).read_text() for name in names), 60)
        yield started
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in started] == [0] * len(started)


@pytest.fixture
def gateway_url(broker: BrokerServer, vhost: Vhost) -> Iterator[str]:
    """For a user with the rights of the gateway's."""
    name, password = f"{vhost.name}-gateway", "secret"
    broker.add_user(name, password)
    broker.permit(name, vhost.name, *GATEWAY_PERMISSIONS)
    yield vhost.amqp_url.replace(f"{vhost.user}:{vhost.password}@", f"{name}:{password}@")
    broker.manage("DELETE", f"users/{name}")


@pytest.fixture
def amqp_url(tmp_path: Path, vhost: Vhost, store_url: str) -> Iterator[str]:
    settings = {"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_PLANS": str(ROOT / "plans")}
    with running(["catalogue", "reports", "notices"], tmp_path, HALLPULSE_AMQP_URL=vhost.amqp_url, **settings):
        yield vhost.amqp_url


def announce(amqp_url: str, kind: str, payload: dict[str, Any]) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        properties = pika.BasicProperties(content_type="application/json", content_encoding="utf-8", delivery_mode=2)
        connection.channel().basic_publish("targets.events", kind, json.dumps(payload).encode(), properties)


def test_services_are_called_with_the_gateways_rights_and_notices_hears_targets(
    amqp_url: str, gateway_url: str, store: Store
) -> None:
    rows = [{"实施编码": "a-2", "事项名称": "乙", "部门": "局", "承诺办结时限": "3个月"}]
    (checked,) = call(gateway_url, "catalogue", "check", rows, "2026-01-01", seconds=30)
    assert checked["item"]["promised_days"] == 66
    with pytest.raises(RpcError, match="region: expected one that has a plan"):
        call(gateway_url, "reports", "monthly", 999999, f"{datetime.now(UTC):%Y-%m}", seconds=30)
    report = call(gateway_url, "reports", "monthly", 222424, f"{datetime.now(UTC):%Y-%m}", format="html", seconds=60)
    assert report["name"].endswith(".html")
    assert call(gateway_url, "notices", "list", region=222424, seconds=30) == {"notices": []}

    announce(amqp_url, "target_breached", BREACH)
    announce(amqp_url, "target_breached", BREACH)
    announce(amqp_url, "target_breached", {"region": "no event"})
    announce(amqp_url, "target_recovered", {**BREACH, "state": "on_pace", "at": "2026-11-25T04:00:00+00:00"})
    wait_until(lambda: len(store.notices.list()) == 2 and sum(line.times for line in store.notices.list()) == 3, 30)
    lines = call(gateway_url, "notices", "list", region=222424, seconds=30)["notices"]
    assert {(line["alert"], line["receiver"], line["value"]) for line in lines} == {
        ("target_breached", "targets", "0.9"), ("target_recovered", "targets", "0.9"),
    }  # fmt: skip
    assert call(gateway_url, "notices", "list", state="open", seconds=30) == {"notices": []}
    assert store.notices.waiting() == 0


def test_a_service_that_does_not_run_is_unavailable(amqp_url: str, gateway_url: str) -> None:
    assert call(amqp_url, "notices", "list", seconds=30) == {"notices": []}
    with pytest.raises(Unavailable, match="nothing does not run"):
        call(gateway_url, "nothing", "answer", seconds=5)


@contextmanager
def asked_by_the_gateway(services: RpcServices, *question: Any, **given: Any) -> Iterator[httpx.Response]:
    """The gateway's answer to a request for which it asks a service."""

    @get("/asked", sync_to_thread=True)
    def handler() -> dict[str, Any]:
        return {"answer": services.ask(*question, **given)}

    app = create_app(make_resources(FakeStore(), services=services))
    app.register(handler)
    with TestClient(app) as client:
        yield client.get("/asked")


@pytest.mark.usefixtures("amqp_url")
def test_the_gateway_turns_what_a_service_says_into_answers_and_problems(gateway_url: str) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    with open_services(gateway_url) as services:
        listed = services.ask(Listed, "notices", "list", region=222424, seconds=30)
        assert listed == Listed([])
        with asked_by_the_gateway(services, dict, "reports", "monthly", 999999, month, seconds=30) as response:
            problem = response.json()
            assert (response.status_code, problem["field"]) == (422, "region")
            assert problem["detail"].startswith("region: expected one that has a plan")
        with asked_by_the_gateway(services, dict, "nothing", "answer", seconds=5) as response:
            assert (response.status_code, response.json()["detail"]) == (503, "nothing does not run")
            assert response.headers["retry-after"]
        for question in (
            (int, "notices", "list"),
            (dict, "notices", "no_such_method"),
            (dict, "notices", "list", 1, 2, 3, 4),
        ):
            with asked_by_the_gateway(services, *question, seconds=30) as response:
                assert (response.status_code, response.json()["detail"]) == (500, "the fault has been logged")


def test_a_frozen_service_holds_a_call_no_longer_than_its_limit(tmp_path: Path, vhost: Vhost, store_url: str) -> None:
    settings = {"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_AMQP_URL": vhost.amqp_url}
    with running(["notices"], tmp_path, **settings) as (notices,), open_services(vhost.amqp_url) as services:
        assert services.ask(Listed, "notices", "list", seconds=30) == Listed([])
        notices.send_signal(signal.SIGSTOP)
        try:
            with asked_by_the_gateway(services, Listed, "notices", "list", seconds=1) as response:
                assert (response.status_code, response.json()["detail"]) == (
                    503,
                    "notices.list has not answered for 1 s",
                )
        finally:
            notices.send_signal(signal.SIGCONT)
        assert services.ask(Listed, "notices", "list", seconds=30) == Listed([])


def test_before_any_service_has_run_a_call_says_so(vhost: Vhost) -> None:
    with pytest.raises(Unavailable, match=r"^reports does not run$"):
        call(vhost.amqp_url, "reports", "monthly", seconds=5)
