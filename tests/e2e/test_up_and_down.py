"""`hallpulse up`, `status`, `down`: the whole suite in a directory with a space in its name."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import httpx
import pika
import psycopg
import pytest

from services.local import process_groups
from services.local.monitoring import without_login
from tests.e2e.suite_at import HALLPULSE, endpoints, hallpulse, processes_of, suite_at

Endpoints = dict[str, Any]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a suite")


@pytest.fixture(scope="module")
def suite(directory: Path) -> Iterator[Endpoints]:
    with suite_at(directory) as there:
        yield there


def _keys(directory: Path) -> dict[str, str]:
    """Return the suite's secrets. One that is empty is none: the previous password, but during a rotation."""
    keys: dict[str, str] = json.loads((directory / "keys.json").read_text())
    return {name: key for name, key in keys.items() if key}


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    return process_groups.wait_until(condition, seconds)


def test_the_endpoints_are_those_of_the_contract(suite: Endpoints, directory: Path) -> None:
    assert list(suite) == ["amqp", "database", "gateway", "token", "metrics", "prometheus", "alertmanager", "notices"]
    assert stat.S_IMODE((directory / "endpoints.json").stat().st_mode) == 0o600
    assert urlsplit(suite["amqp"]).username is None
    assert {urlsplit(url).hostname for url in suite["metrics"]} == {"127.0.0.1"}
    assert {urlsplit(suite[name]).username for name in ("prometheus", "alertmanager")} == {"hallpulse"}


def test_the_database_takes_the_endpoints_url_as_it_is(suite: Endpoints) -> None:
    with psycopg.connect(suite["database"]) as connection:
        settings = {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in ("fsync", "jit")}
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert settings == {"fsync": ("on",), "jit": ("off",)}
    assert tables is not None
    assert tables[0] > 0


def test_the_broker_refuses_whoever_has_no_password(suite: Endpoints) -> None:
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(suite["amqp"]))


@pytest.mark.parametrize("user", ["operator", "gateway"])
def test_the_suites_own_users_may_enter_the_broker(suite: Endpoints, directory: Path, user: str) -> None:
    parameters = pika.URLParameters(suite["amqp"])
    parameters.credentials = pika.PlainCredentials(user, _keys(directory)[user])
    pika.BlockingConnection(parameters).close()


def test_the_gateways_user_may_publish_for_halls_and_nothing_else(suite: Endpoints, directory: Path) -> None:
    parameters = pika.URLParameters(suite["amqp"])
    parameters.credentials = pika.PlainCredentials("gateway", _keys(directory)["gateway"])
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.confirm_delivery()
    properties = pika.BasicProperties(user_id="gateway", content_type="application/cloudevents+json")
    channel.basic_publish("hall.events", "222424.main.heartbeat", b"{}", properties, mandatory=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        channel.queue_declare("mine")
    connection.close()


def test_prometheus_scrapes_all_that_has_metrics(suite: Endpoints) -> None:
    wanted = {urlsplit(without_login(url)).netloc for url in suite["metrics"]}

    def healthy() -> bool:
        targets = httpx.get(f"{suite['prometheus']}/api/v1/targets", timeout=5).json()["data"]["activeTargets"]
        jobs = {target["labels"]["job"] for target in targets}
        addresses = {target["labels"]["instance"] for target in targets}
        return "rabbitmq" in jobs and wanted <= addresses and all(target["health"] == "up" for target in targets)

    assert _within(15, healthy)


def test_status_shows_every_part_running(suite: Endpoints, directory: Path) -> None:
    shown = hallpulse("status", directory=directory)
    assert shown.returncode == 0, shown.stderr
    for part in ("database", "broker", "prometheus", "alertmanager"):
        assert f"\n{part} " in shown.stdout
    assert without_login(suite["prometheus"]) in shown.stdout
    assert not {key for name, key in _keys(directory).items() if name != "alertmanager_path" and key in shown.stdout}


def test_no_secret_is_in_a_process_list_or_a_log(suite: Endpoints, directory: Path) -> None:
    issued = json.loads(hallpulse("hall", "add", "222424", "hall-1", "--json", directory=directory).stdout)
    for token in (issued["token"], f"{issued['token']}-wrong"):
        request = Request(f"{suite['gateway']}/v1/indicators?region=1", headers={"authorization": f"Bearer {token}"})
        with pytest.raises(HTTPError):
            urlopen(request, timeout=10)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    logs = [path.read_bytes() for path in (directory / "log").iterdir()]
    for name, secret in (_keys(directory) | issued | {"amqp_user": issued["token"]}).items():
        assert not any(secret.encode() in text for text in (*commands, *logs)), name


def test_only_this_user_may_look_into_the_directory(suite: Endpoints, directory: Path) -> None:
    del suite
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_second_up_says_so_and_leaves_the_first_alone(suite: Endpoints, directory: Path) -> None:
    before = processes_of(directory)
    for arguments in (("up",), ("up", "--detach")):
        refused = hallpulse(*arguments, directory=directory)
        assert refused.returncode == 1
        assert f"a suite already runs in {directory}" in refused.stderr
    assert processes_of(directory) == before
    assert endpoints(directory) == suite


def test_a_part_that_dies_is_started_again(suite: Endpoints, directory: Path) -> None:
    del suite
    died = processes_of(directory)["alertmanager"]
    os.kill(died, signal.SIGKILL)

    def is_back() -> bool:
        return processes_of(directory).get("alertmanager", died) != died

    assert _within(10, is_back)
    assert _within(10, lambda: hallpulse("status", directory=directory).returncode == 0)


def test_everything_dies_with_a_killed_supervisor_and_up_brings_it_back(suite: Endpoints, directory: Path) -> None:
    before = processes_of(directory)
    identities = [process_groups.identity_of(pid) for pid in before.values()]
    os.kill(before["supervisor"], signal.SIGKILL)
    assert _within(30, lambda: not any(identity and identity.is_alive() for identity in identities))
    assert hallpulse("status", directory=directory).returncode == 1
    started = hallpulse("up", "--detach", directory=directory)
    assert started.returncode == 0, started.stderr
    assert endpoints(directory) == suite


def test_down_ends_all_and_keeps_the_data_and_the_addresses(tmp_path: Path) -> None:
    directory = tmp_path / "another suite"
    with suite_at(directory) as first:
        with psycopg.connect(first["database"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        identities = [process_groups.identity_of(pid) for pid in processes_of(directory).values()]
        ended = hallpulse("down", directory=directory)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert not any(identity and identity.is_alive() for identity in identities)
        assert not (directory / "endpoints.json").exists()
        with suite_at(directory) as again:
            assert again == first
            with psycopg.connect(again["database"]) as connection:
                assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    assert not directory.exists()


def test_down_where_nothing_runs_is_no_failure(tmp_path: Path) -> None:
    done = hallpulse("down", directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"nothing runs in {tmp_path}\n")


def test_two_suites_run_side_by_side(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    try:
        with ThreadPoolExecutor() as both:
            started = list(both.map(lambda place: hallpulse("up", "--detach", directory=place), places))
        assert [done.returncode for done in started] == [0, 0], [done.stderr for done in started]
        one, two = map(endpoints, places)
        assert all(one[name] != two[name] for name in one)
        assert hallpulse("down", "--purge", directory=places[0]).returncode == 0
        assert hallpulse("status", directory=places[1]).returncode == 0
    finally:
        for place in places:
            hallpulse("down", "--purge", directory=place)


def test_in_the_foreground_it_stays_until_it_is_interrupted(tmp_path: Path) -> None:
    with Popen([HALLPULSE, "up", "--dir", tmp_path], stdout=PIPE, stderr=PIPE, text=True) as running:
        assert _within(60, (tmp_path / "endpoints.json").exists)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        said, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    assert "Ctrl-C ends it." in said
    assert not (tmp_path / "state.json").exists()
    hallpulse("down", "--purge", directory=tmp_path)
