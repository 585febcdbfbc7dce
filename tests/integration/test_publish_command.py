"""`hallpulse publish` as a process, on a real broker: files, pipes, bad lines, a broker that is away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from hallpulse.broker import Delivery, declare, open_channel
from hallpulse.broker.management import BrokerUsers
from hallpulse.contract.decode import Decoded
from hallpulse.contract.events import EventType
from hallpulse.contract.examples import example
from services.console.main import cli
from services.console.outbox_option import outbox_in
from tests.consuming import consuming, decoder
from tests.hall_events import changed
from tests.ingesting import wait_until
from tests.servers import Vhost

COMMAND = [sys.executable, "-c", "from services.console.main import main; main()"]


@pytest.fixture
def environment(vhost: Vhost, tmp_path: Path) -> dict[str, str]:
    with open_channel(vhost.amqp_url) as channel:
        declare(channel, 2)
    root = Path(__file__).parents[2]
    return {
        **os.environ,
        "PYTHONPATH": f"{root / 'shared'}:{root}",
        "HALLPULSE_AMQP_URL": vhost.amqp_url,
        "HALLPULSE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "HALLPULSE_DIR": str(tmp_path / "run"),
    }


def hallpulse(
    environment: dict[str, str], *arguments: object, given: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Standard input is `given`, or closed."""
    command = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(command, input=given or b"", capture_output=True, env=environment, timeout=150, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def publish(
    environment: dict[str, str], file: object, given: bytes | None = None, *options: object
) -> subprocess.CompletedProcess[str]:
    return hallpulse(environment, "publish", file, *options, given=given)


def piped(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, "publish", "-"], stdin=pipe, stdout=pipe, env=environment)


def line(number: int, hall: str = "hall-1", **attributes: Any) -> bytes:
    return json.dumps(changed(id=f"e{number}", source=f"/222424/{hall}", **attributes)).encode() + b"\n"


def taken(vhost: Vhost, count: int) -> tuple[set[str], list[Delivery]]:
    """The ids of the events on the broker, and the messages that they came in."""
    messages: list[Delivery] = []
    decode = decoder(vhost.user)

    def note(delivery: Delivery) -> Decoded:
        messages.append(delivery)
        decoded = decode(delivery)
        assert decoded.refusals == []
        return decoded

    with consuming(vhost, decode=note) as running:
        wait_until(lambda: len(running.ids) >= count)
        time.sleep(0.3)
        assert len(running.ids) == count
        return set(running.ids), messages


def test_a_file_is_published_in_envelopes_of_one_routing_key(
    vhost: Vhost, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "事件 events.ndjson"
    file.write_bytes(b"".join(line(n, f"hall-{n % 3}") for n in range(1000)))
    done = publish(environment, file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1000" in done.stdout
    ids, messages = taken(vhost, 1000)
    assert ids == {f"e{n}" for n in range(1000)}
    assert 10 <= len(messages) <= 15
    assert {message.user_id for message in messages} == {vhost.user}


def test_every_type_of_event_is_published(vhost: Vhost, environment: dict[str, str]) -> None:
    given = b"".join(json.dumps(example(kind), ensure_ascii=False).encode() + b"\n" for kind in EventType)
    assert publish(environment, "-", given).returncode == 0
    taken(vhost, len(EventType))


def test_bad_lines_are_named_with_their_number_and_the_good_ones_published(
    vhost: Vhost, environment: dict[str, str]
) -> None:
    bad = {
        2: b"{not json\n",
        3: line(3, data={"channel": "fax"}),
        5: b"[]\n",
        7: b"\xff\xfe\n",
        8: b'"' + b"x" * 5_000_000 + b'"\n',
        9: line(9, "Hall"),
    }
    given = b"".join(bad.get(n, line(n)) for n in range(1, 12))
    done = publish(environment, "-", given)
    assert done.returncode == 1
    named = [text for text in done.stderr.splitlines() if text.startswith("line ")]
    assert [int(text.split()[1].rstrip(":")) for text in named] == sorted(bad)
    assert [named[n].split()[2].rstrip(":") for n in (0, 1, 4)] == ["not-json", "bad-field", "too-large"]
    assert "data.channel" in named[1]
    assert ("5" in done.stdout, "6" in done.stdout) == (True, True)
    assert taken(vhost, 5)[0] == {"e1", "e4", "e6", "e10", "e11"}


def test_every_bad_line_is_named_when_nobody_sits_at_the_terminal(environment: dict[str, str]) -> None:
    done = publish(environment, "-", b"bad\n" * 50)
    assert len([text for text in done.stderr.splitlines() if text.startswith("line ")]) == 50


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_matter(
    vhost: Vhost, environment: dict[str, str]
) -> None:
    given = b"\xef\xbb\xbf" + line(1).replace(b"\n", b"\r\n") + b"\n\r\n   \n" + line(2).rstrip()
    done = publish(environment, "-", given)
    assert (done.returncode, done.stderr) == (0, "")
    assert taken(vhost, 2)[0] == {"e1", "e2"}


def test_a_last_line_that_was_cut_off_is_named(vhost: Vhost, environment: dict[str, str]) -> None:
    done = publish(environment, "-", line(1) + line(2)[:40])
    assert done.returncode == 1
    assert done.stderr.startswith("line 2: not-json")
    assert taken(vhost, 1)[0] == {"e1"}


def test_an_empty_input_is_no_failure(environment: dict[str, str]) -> None:
    assert publish(environment, "-").returncode == 0


def test_what_comes_through_a_pipe_is_published_though_the_pipe_stays_open(
    vhost: Vhost, environment: dict[str, str]
) -> None:
    with subprocess.Popen(
        [*COMMAND, "publish", "-"], stdin=subprocess.PIPE, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(line(1) + line(2)[:30])
        process.stdin.flush()
        assert taken(vhost, 1)[0] == {"e1"}
        process.stdin.write(line(2)[30:])
        process.stdin.close()
        assert process.wait(60) == 0
    assert taken(vhost, 1)[0] == {"e2"}


def test_a_reader_that_is_gone_does_not_stop_the_publishing(vhost: Vhost, environment: dict[str, str]) -> None:
    """`hallpulse publish FILE | true`."""
    with subprocess.Popen(
        [*COMMAND, "publish", "-"], stdin=subprocess.PIPE, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(b"".join(line(n) for n in range(300)))
        process.stdin.close()
        process.wait(60)
    taken(vhost, 300)


def test_memory_stays_bounded_for_a_large_file_of_many_halls(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "large.ndjson"
    with file.open("wb") as lines:
        for number in range(150_000):
            lines.write(line(number, f"hall-{number % 3000}"))
    # the high-water mark of this program's own memory: getrusage would count what its parent held when it forked
    code = f"""import pathlib, sys
sys.argv = ["hallpulse", "publish", {str(file)!r}]
from services.console.main import main
try:
    main()
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    print("peak", int(status.split("VmHWM:")[1].split()[0]) // 1024)"""
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "150000" in done.stdout
    assert int(done.stdout.rsplit("peak", 1)[1]) < 150


def test_what_a_broker_that_is_away_did_not_get_goes_with_the_next_publish(
    vhost: Vhost, environment: dict[str, str], tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox.sqlite"
    away = {**environment, "HALLPULSE_AMQP_URL": "amqp://a:b@127.0.0.1:1/"}
    done = publish(away, "-", line(1) + line(2), "--outbox", outbox)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: 2 events are not confirmed: broker: ")
    assert done.stderr.endswith(f"; 2 events wait in {outbox} and go with the next `hallpulse publish`\n")
    assert len(done.stderr.splitlines()) == 1
    assert "Published 0 events" in done.stdout
    assert hallpulse(environment, "outbox", "list", "--outbox", outbox).stdout.startswith(
        "2 events wait for the broker"
    )

    done = publish(environment, "-", line(3), "--outbox", outbox)
    assert (done.returncode, done.stderr) == (0, "")
    assert taken(vhost, 3)[0] == {"e1", "e2", "e3"}
    assert hallpulse(environment, "outbox", "list", "--outbox", outbox).stdout.startswith("0 events wait")


def test_without_an_outbox_what_is_not_confirmed_has_to_be_published_again(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.commands.publish._CONNECT_SECONDS", 0.5)
    away = {**environment, "HALLPULSE_AMQP_URL": "amqp://a:b@127.0.0.1:1/"}
    file = tmp_path / "events.ndjson"
    file.write_bytes(line(1))
    done = CliRunner().invoke(cli, ["publish", str(file), "--no-outbox"], env=away)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.endswith("; publish it again\n")
    assert not (tmp_path / "run").exists()


def test_what_waits_for_one_broker_goes_to_no_other(environment: dict[str, str]) -> None:
    elsewhere = {"HALLPULSE_AMQP_URL": "amqps://user:secret@broker.example:5671/hall%2Fx?heartbeat=5"}
    run = Path(environment["HALLPULSE_DIR"])
    assert outbox_in(run, elsewhere) == run / "outbox-broker.example-5671-hall-2Fx.sqlite"
    assert outbox_in(run, {}) == run / "outbox.sqlite"


def test_what_the_broker_turns_away_is_listed_and_sent_again_once_it_is_granted(
    vhost: Vhost, environment: dict[str, str]
) -> None:
    users = BrokerUsers(vhost.management_url, vhost.name)
    address = urlsplit(vhost.amqp_url)

    def as_hall(*families: str) -> dict[str, str]:
        password = users.put(222424, "hall-1", families)
        url = f"amqp://222424.hall-1:{password}@{address.hostname}:{address.port}/{vhost.name}"
        return {**environment, "HALLPULSE_AMQP_URL": url}

    item = json.dumps(changed(EventType.ITEM_PUBLISHED, id="i1", source="/222424/hall-1")).encode() + b"\n"
    try:
        hall = as_hall("case")
        done = publish(hall, "-", line(1) + item + line(2))
        assert done.returncode == 1
        assert done.stderr.startswith("1 events were turned away: broker: ACCESS_REFUSED")
        assert "Published 2 events" in done.stdout
        (shown,) = hallpulse(hall, "outbox", "list", "--json").stdout.splitlines()
        assert {**json.loads(shown), "reason": ""} == {
            "routing_key": "222424.hall-1.item", "type": "hall.item.published.v1", "id": "i1", "reason": "",
        }  # fmt: skip
        assert "1 were turned away" in hallpulse(hall, "outbox", "list").stdout
        hall = as_hall("case", "item")
        assert hallpulse(hall, "outbox", "retry").stdout.startswith("1 events go with the next")
        assert publish(hall, "-").returncode == 0
        with consuming(vhost) as running:  # some may come twice: the refusal has cut short what was under way
            wait_until(lambda: {"e1", "e2", "i1"} <= set(running.ids))
        assert hallpulse(hall, "outbox", "drop", "--yes").stdout == "deleted 0 events\n"
    finally:
        users.remove(222424, "hall-1")


def test_two_that_publish_at_once_share_the_outbox(vhost: Vhost, environment: dict[str, str]) -> None:
    with piped(environment) as first:
        assert first.stdin is not None
        first.stdin.write(line(1))
        first.stdin.flush()
        assert publish(environment, "-", line(2)).returncode == 0
        first.stdin.close()
        assert first.wait(60) == 0
    assert taken(vhost, 2)[0] == {"e1", "e2"}


@pytest.mark.parametrize("arguments", [["--outbox", "none/x.sqlite"], ["--outbox", __file__]])
def test_an_outbox_that_cannot_be_one_is_told_in_one_line(environment: dict[str, str], arguments: list[str]) -> None:
    done = publish(environment, "-", line(1), *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith(f"Error: outbox {arguments[1]}: ")


def test_a_file_that_is_not_there_is_bad_usage(environment: dict[str, str], tmp_path: Path) -> None:
    done = publish(environment, tmp_path / "none.ndjson")
    assert done.returncode == 2
    assert "none.ndjson" in done.stderr
