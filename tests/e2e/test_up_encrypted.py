"""`hallpulse up --tls`: the suite as ever, encrypted."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest

from hallpulse.publisher import Publisher
from hallpulse.tls import trusting
from services.local.process_groups import wait_until
from tests.e2e.suite_at import endpoints, hallpulse
from tests.hall_events import changed


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("encrypted") / "a suite 套件"
    started = hallpulse("up", "--detach", "--tls", directory=place)
    try:
        assert started.returncode == 0, started.stderr + started.stdout
        yield place
    finally:
        hallpulse("down", "--purge", directory=place)


@pytest.fixture
def there(directory: Path) -> dict[str, Any]:
    return endpoints(directory)


def asked(there: dict[str, Any], url: str) -> Any:
    context = ssl.create_default_context(cafile=there["ca"])
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {there['token']}"})
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 404:
                raise
        return None


def test_a_halls_events_reach_the_figures_over_encrypted_connections_alone(
    directory: Path, there: dict[str, Any]
) -> None:
    added = hallpulse("hall", "add", "222424", "hall-1", "--json", directory=directory)
    keys = json.loads(added.stdout)
    address = there["amqp"].removeprefix("amqps://")
    url = f"amqps://{keys['amqp_user']}:{keys['amqp_password']}@{address}"
    event = changed(source="/222424/hall-1")
    with Publisher(trusting(url, there["ca"])) as publisher:
        publisher.send(event)
    case = f"{there['gateway']}/v1/cases/222424/hall-1/{event['data']['case_id']}"
    assert wait_until(lambda: asked(there, case) is not None, 20)
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(url.replace("amqps:", "amqp:")))
    with pytest.raises((urllib.error.URLError, OSError)):
        urllib.request.urlopen(f"{there['gateway'].replace('https:', 'http:')}/healthz", timeout=10)


def test_its_own_commands_and_its_prometheus_know_the_authority(directory: Path, there: dict[str, Any]) -> None:
    status = hallpulse("status", directory=directory)
    assert status.returncode == 0, status.stderr
    assert there["gateway"].startswith("https://127.0.0.1:")

    def all_up() -> bool:
        answer = httpx.get(f"{there['prometheus']}/api/v1/query?query=up", timeout=10).json()
        found = {one["metric"]["job"]: one["value"][1] for one in answer["data"]["result"]}
        return {"gateway", "ingest", "rabbitmq"} <= set(found) and set(found.values()) == {"1"}

    assert wait_until(all_up, 20)


def test_its_certificates_are_private_and_go_with_it(directory: Path) -> None:
    keys = [path for path in (directory / "tls").iterdir() if path.suffix == ".key"]
    assert keys
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
