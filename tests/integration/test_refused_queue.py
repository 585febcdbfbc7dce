from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pika.adapters.blocking_connection import BlockingChannel

from hallpulse.contract.events import EventType
from hallpulse.store import Store
from services.console.commands.refused import command
from tests.hall_events import changed
from tests.ingesting import ingest, publish, publishing, stored, take_refused, wait_until
from tests.servers import Vhost

Run = Callable[..., Result]
SOURCE, KEY = "/222424/hall-1", "222424.hall-1.case"
RECEIVED = EventType.CASE_RECEIVED


@pytest.fixture
def run(vhost: Vhost, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("HALLPULSE_AMQP_URL", vhost.amqp_url)
    monkeypatch.setenv("HALLPULSE_DATABASE_URL", store_url)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, "--dir", str(tmp_path)])

    return invoke


def refuse(vhost: Vhost, store_url: str, *events: object, speaks_for_all: bool = True) -> None:
    """Have the events refused and leave them on the queue."""
    with publishing(vhost) as channel, ingest(vhost, store_url, speaks_for_all=speaks_for_all):
        before = _count(channel)
        for event in events:
            publish(channel, event, KEY, user_id=vhost.user)
        wait_until(lambda: _count(channel) == before + len(events))


def _count(channel: BlockingChannel) -> int:
    count: int = channel.queue_declare("hall.refused", passive=True).method.message_count
    return count


def test_refused_events_are_listed_with_their_reason_and_long_numbers_masked(
    run: Run, vhost: Vhost, store_url: str
) -> None:
    phone = changed(id="13800138000", source=SOURCE)
    refuse(vhost, store_url, phone, changed(EventType.CASE_RATED, {"score": 9}, source=SOURCE, id="r"))
    shown = run("list", "--json")
    rows = [json.loads(line) for line in shown.output.splitlines()]
    assert [row["reason"] for row in rows] == ["personal-data", "bad-field"]
    assert "13800138000" not in shown.output
    assert [
        json.loads(line)["reason"] for line in run("list", "--json", "--reason", "bad-field").output.splitlines()
    ] == ["bad-field"]
    one = run("show", rows[0]["id"])
    assert one.exit_code == 0
    assert "13800138000" not in one.output
    assert run("show", "nothing").exit_code == 1
    take_refused(vhost, 2)


def test_who_looks_at_a_body_as_it_came_is_in_the_audit(run: Run, vhost: Vhost, store: Store, store_url: str) -> None:
    phone = changed(id="13800138000", source=SOURCE)
    refuse(vhost, store_url, phone)
    (row,) = (json.loads(line) for line in run("list", "--json").output.splitlines())
    seen = run("show", row["id"], "--reveal")
    assert json.dumps(phone, ensure_ascii=False) in seen.stdout
    assert "audit" in seen.stderr
    (line,) = store.audit.list(action="refused.reveal")
    assert (line.entry.subject, line.entry.region, line.entry.detail) == (
        row["id"],
        222424,
        {"reason": "personal-data"},
    )


PERSONS = ("13800138000", "138-0013-8000", "11010519491231002X", "１３８００１３８０００")


def test_whatever_a_publisher_chooses_is_masked_and_no_terminal_obeys_it(
    run: Run, vhost: Vhost, store_url: str
) -> None:
    hostile = [changed(source=f"[/{number}]\x1b[2J", id=f"h{n}") for n, number in enumerate(PERSONS)]
    names = [{**changed(source=SOURCE, id=f"n{n}"), number: 1} for n, number in enumerate(PERSONS)]
    fields = [changed(RECEIVED, {number: 1}, source=SOURCE, id=f"f{n}") for n, number in enumerate(PERSONS)]
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in PERSONS[0])
    raw = [f'["{escaped}"'.encode(), PERSONS[1].encode("utf-16-le"), b"\xff\x1b]0;" + PERSONS[2].encode()]
    refuse(vhost, store_url, *hostile, *names, *fields, *raw)
    shown = [run("list"), run("list", "--json")]
    ids = [json.loads(line)["id"] for line in shown[1].output.splitlines()]
    assert len(set(ids)) == 15
    shown += [run("show", id_) for id_ in ids]
    for one in shown:
        assert one.exit_code == 0, one.output
        assert "\x1b" not in one.output
        assert not any(number in one.output.replace("\0", "") for number in (*PERSONS, escaped))
    take_refused(vhost, 15)


STEER = "\x1b]0;owned\x07\x1b[2J\x9b2J\r\u202egpj.exe\u2066\u200f"
"""A title, an empty screen, an overwritten line, text that runs backwards."""


def on_a_terminal(*arguments: str) -> str:
    """What a command writes there."""
    leader, follower = pty.openpty()
    argv = [sys.executable, "-c", "from services.console.entry import main; main()", "refused", *arguments]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower) as process:
        os.close(follower)
        said = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(leader, 65_536):
                said += piece
        os.close(leader)
        assert process.wait(30) == 0, said
    return said.decode()


@pytest.mark.attack
@pytest.mark.usefixtures("store")
def test_a_terminal_gets_nothing_to_obey_and_a_file_gets_the_body_byte_for_byte(
    run: Run, vhost: Vhost, store_url: str, tmp_path: Path
) -> None:
    body = json.dumps({"source": STEER, "汉": STEER}, ensure_ascii=False).encode() + b"\xff" + STEER.encode()
    refuse(vhost, store_url, body)
    (row,) = (json.loads(line) for line in run("list", "--json").output.splitlines())
    commands = (["list"], ["list", "--json"], ["show", row["id"]], ["show", row["id"], "--reveal"])
    for arguments in commands:
        said = on_a_terminal(*arguments, "--dir", str(tmp_path))
        assert not re.search("\x1b(?!\\[[0-9;]*m)|[\x07\x9b\u202e\u2066\u200f]|\r(?!\n)", said), (arguments, said)
    assert r"\x1b]0;owned\x07" in said
    assert r"\u202egpj.exe" in said
    assert "汉" in said
    piped = run("show", row["id"], "--reveal")
    assert body in piped.stdout_bytes
    take_refused(vhost, 1)


def test_events_are_chosen_by_where_they_came_from(run: Run, vhost: Vhost, store: Store, store_url: str) -> None:
    store.halls.add(222424, "hall-2", ["case"], "hash")
    with publishing(vhost) as channel, ingest(vhost, store_url):
        for place in ("222424.hall-1", "222424.hall-2", "222401.hall-1", "220102.hall-1"):
            publish(channel, b"not json of " + place.encode(), f"{place}.case", user_id=vhost.user)
        wait_until(lambda: _count(channel) == 4)
    assert run("list", "--since", "yesterday").exit_code == 2
    rows = [json.loads(line) for line in run("list", "--json", "--region", "222424").output.splitlines()]
    assert {row["routing_key"] for row in rows} == {"222424.hall-1.case", "222424.hall-2.case"}
    assert "would drop 1" in run("drop", "--hall", "hall-2", "--dry-run").output
    assert "would send 0 again; 1 would" in run("replay", "--hall", "hall-2", "--dry-run").output
    assert "dropped 3" in run("drop", "--region", "222400", "--since", "2001-01-01", "--yes").output
    take_refused(vhost, 1)


def test_what_would_be_accepted_now_is_sent_again_and_the_rest_stays(
    run: Run, vhost: Vhost, store: Store, store_url: str
) -> None:
    store.halls.add(222424, "hall-1", ["case"], "hash")
    mine = changed(EventType.CASE_RECEIVED, {"case_id": "c"}, source=SOURCE, id="a")
    refuse(vhost, store_url, mine, speaks_for_all=False)
    refuse(vhost, store_url, changed(EventType.CASE_RATED, {"score": 9}, source=SOURCE, id="r"))
    assert "would send 1 again; 1 would" in run("replay", "--dry-run").output
    assert store.audit.list(action="refused.replay") == []
    assert "sent 1 again; 1 would be refused again and stay; 0 are withheld" in run("replay").output
    with ingest(vhost, store_url):
        wait_until(lambda: stored(store) == 1)
    (left,) = take_refused(vhost, 1)
    assert left.headers["x-reason"] == "bad-field"


def test_the_audit_of_a_replay_names_sender_source_and_events(
    run: Run, vhost: Vhost, store: Store, store_url: str
) -> None:
    store.halls.add(222424, "hall-1", ["case"], "hash")
    events = [changed(EventType.CASE_RECEIVED, {"case_id": "c"}, source=SOURCE, id=id_) for id_ in ("a", "b")]
    refuse(vhost, store_url, *events, speaks_for_all=False)
    assert "sent 2 again" in run("replay").output
    (line,) = store.audit.list(action="refused.replay")
    assert line.entry.region == 222424
    assert line.entry.detail["senders"] == [{"sender": "222424.hall-1", "source": SOURCE, "ids": ["a", "b"]}]
    assert line.entry.detail["events"] == {"source-mismatch": 2}


@pytest.mark.usefixtures("store")
def test_what_its_hall_may_not_send_now_is_withheld_and_named(run: Run, vhost: Vhost, store_url: str) -> None:
    mine = changed(EventType.CASE_RECEIVED, {"case_id": "c"}, source=SOURCE, id="a")
    refuse(vhost, store_url, mine, speaks_for_all=False)
    for options in ([], ["--reason", "source-mismatch"], ["--dry-run"]):
        said = run("replay", *options).output
        assert f"user {vhost.user}, routing key {KEY}, source {SOURCE}: source-mismatch: expected a sender" in said
        assert "0 again; 0 would be refused again and stay; 1 are withheld" in said
    take_refused(vhost, 1)


def test_dropping_asks_first_and_takes_only_what_was_chosen(run: Run, vhost: Vhost, store_url: str) -> None:
    events = [changed(EventType.CASE_RATED, {"score": 9}, source=SOURCE, id=f"r{n}") for n in range(3)]
    refuse(vhost, store_url, *events)
    assert run("drop").exit_code == 1
    assert re.search(r"would drop 2", run("drop", "--limit", "2", "--dry-run").output)
    assert "dropped 2 events" in run("drop", "--limit", "2", "--yes").output
    take_refused(vhost, 1)
