"""`hallpulse hall` on a real broker and database: what the keys open, and that they open nothing afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest
from click.testing import CliRunner, Result

from hallpulse.broker import declare, open_channel
from hallpulse.publisher import Halt, Publisher
from hallpulse.store import Store
from services.console.commands.hall import command
from tests.consuming import consuming, decoder
from tests.hall_events import changed
from tests.ingesting import wait_until
from tests.servers import Vhost

Run = Callable[..., Result]
HALL = ("222424", "hall-1")


@pytest.fixture
def run(vhost: Vhost, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("HALLPULSE_AMQP_URL", vhost.amqp_url)
    monkeypatch.setenv("HALLPULSE_DATABASE_URL", store_url)
    monkeypatch.setenv("HALLPULSE_MANAGEMENT_URL", vhost.management_url)
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
    return lambda *arguments: CliRunner().invoke(command, [*arguments, "--dir", str(tmp_path)])


def keys(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.stderr
    read: dict[str, str] = json.loads(result.stdout)
    return read


def url(vhost: Vhost, given: dict[str, str]) -> str:
    address = urlsplit(vhost.amqp_url)
    return f"amqp://{given['amqp_user']}:{given['amqp_password']}@{address.hostname}:{address.port}/{vhost.name}"


def opens(vhost: Vhost, given: dict[str, str]) -> bool:
    try:
        pika.BlockingConnection(pika.URLParameters(url(vhost, given))).close()
    except pika.exceptions.AMQPConnectionError:
        return False
    return True


def grant(store: Store, given: dict[str, str]) -> object:
    return store.tokens.find(hashlib.sha256(given["token"].encode()).hexdigest())


def test_a_hall_that_was_added_can_publish_and_its_token_opens_the_gateway(
    run: Run, vhost: Vhost, store: Store
) -> None:
    given = keys(run("add", *HALL, "--json"))
    assert set(given) == {"amqp_user", "amqp_password", "token"}
    assert given["amqp_user"] == "222424.hall-1"
    with Publisher(url(vhost, given)) as publisher:
        publisher.send(changed(source="/222424/hall-1", id="e1"))
    with consuming(vhost, decode=decoder("nobody")) as running:
        wait_until(lambda: running.ids == ["e1"])
    (hall,) = store.halls.list()
    assert (hall.region, hall.hall, hall.families) == (222424, "hall-1", ("case", "tally", "heartbeat"))
    assert grant(store, given) is not None


def test_families_are_those_that_were_named(run: Run, vhost: Vhost) -> None:
    item = json.loads(json.dumps(changed(source="/222424/hall-1", id="i1")))
    item.update(type="hall.item.retired.v1", data={"item_code": "x", "effective_from": "2026-01-01"})
    with pytest.raises(Halt, match="item"), Publisher(url(vhost, keys(run("add", *HALL, "--json")))) as publisher:
        publisher.send(item)
    given = keys(run("add", *HALL, "--families", "item, case", "--json"))
    with Publisher(url(vhost, given)) as publisher:
        publisher.send(item)
        publisher.flush(20)


def test_adding_a_known_hall_gives_new_keys_and_ends_what_the_old_ones_opened(
    run: Run, vhost: Vhost, store: Store
) -> None:
    old = keys(run("add", *HALL, "--json"))
    open_one = pika.BlockingConnection(pika.URLParameters(url(vhost, old)))
    new = keys(run("add", *HALL, "--families", "heartbeat", "--json"))
    assert (opens(vhost, old), opens(vhost, new)) == (False, True)
    assert grant(store, old) is None
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        open_one.sleep(10)


def test_new_keys_end_the_old_ones(run: Run, vhost: Vhost, store: Store) -> None:
    old = keys(run("add", *HALL, "--families", "case,item", "--json"))
    new = keys(run("rotate", *HALL, "--json"))
    assert (opens(vhost, old), opens(vhost, new)) == (False, True)
    assert (grant(store, old) is None, grant(store, new) is None) == (True, False)
    assert store.halls.list()[0].families == ("case", "item")


def test_with_an_overlap_the_old_token_still_opens_the_gateway(run: Run, store: Store) -> None:
    old = keys(run("add", *HALL, "--json"))
    keys(run("rotate", *HALL, "--overlap", "1", "--json"))
    assert grant(store, old) is not None


@pytest.mark.attack
def test_a_hall_that_was_removed_can_do_nothing(run: Run, vhost: Vhost, store: Store) -> None:
    given = keys(run("add", *HALL, "--json"))
    assert run("remove", *HALL).exit_code == 0
    assert not opens(vhost, given)
    assert grant(store, given) is None
    assert store.halls.list() == []
    again = run("remove", *HALL)
    assert again.exit_code == 1
    assert "222424.hall-1" in again.stderr


def test_halls_are_listed(run: Run) -> None:
    for region, hall in (HALL, ("222401", "main")):
        run("add", region, hall)
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["region"], row["hall"], row["families"]) for row in rows] == [
        ("222401", "main", ["case", "tally", "heartbeat"]),
        ("222424", "hall-1", ["case", "tally", "heartbeat"]),
    ]
    shown = run("list").stdout
    assert all(text in shown for text in ("222401", "main", "case, tally, heartbeat"))


def test_without_json_the_keys_are_said_in_lines(run: Run) -> None:
    shown = run("add", *HALL)
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["amqp_user", "amqp_password", "token"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "222400", "hall-1"),
        ("add", "22242", "hall-1"),
        ("add", "220000", "hall-1"),
        ("add", "222424", "Hall"),
        ("add", "222424", "a.b"),
        ("add", "222424", "h" * 41),
        ("add", "222424", ""),
        ("add", "222424", "hall-1", "--families", "case,rating"),
        ("add", "222424", "hall-1", "--families", ""),
        ("add", "222424"),
        ("rotate", "222424", "hall-1", "--overlap", "-1"),
        ("nonsense",),
    ],
)
def test_what_cannot_be_meant_is_bad_usage_and_changes_nothing(
    run: Run, store: Store, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error:" in result.stderr
    assert store.halls.list() == []


def test_new_keys_for_a_hall_that_is_not_there_are_refused(run: Run) -> None:
    result = run("rotate", *HALL)
    assert result.exit_code == 1
    assert "222424.hall-1" in result.stderr


def test_a_hall_has_a_name_and_is_closed_from_a_day_on_until_it_is_added_again(run: Run, store: Store) -> None:
    keys(run("add", *HALL, "--name", "县政务大厅", "--name-en", "County Hall", "--json"))
    assert run("close", "222424", "hall-2", "--from", "2026-05-01").exit_code == 1
    done = run("close", *HALL, "--from", "2026-05-01")
    assert (done.exit_code, done.stdout.strip()) == (
        0,
        "222424.hall-1 自 2026-05-01 起关闭 is closed from 2026-05-01 on",
    )
    (listed,) = json.loads(run("list", "--json").stdout)
    assert listed["names"] == {"zh": "县政务大厅", "en": "County Hall"}
    assert listed["closed"] == "2026-05-01"
    keys(run("add", *HALL, "--json"))
    (hall,) = store.halls.list()
    assert (hall.facts.name_zh, hall.facts.closed) == ("县政务大厅", None)
    assert run("add", *HALL, "--name", "\x1b[2J").exit_code == 2
