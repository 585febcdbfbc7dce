"""Notices on real servers: the ledger in PostgreSQL, the door over HTTP, messages to local HTTP and SMTP servers."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from werkzeug.serving import WSGIRequestHandler, make_server

from hallpulse.metrics import new_registry
from hallpulse.store import Store
from services.notices.channels import Addresses, Channels, Robot, Smtp
from services.notices.door import Tokens, notices_application
from services.notices.records import NoticeMetrics, NoticeRecords
from services.notices.sending import FIRST_WAIT, NoticeDispatcher, Senders
from services.notices.webhook import Rule, RuleBook, template_of
from tests.unit.test_notices import posted

ONE_RULE = RuleBook(
    {
        "TargetBehindPath": (
            Rule(
                {"severity": template_of("critical"), "lead": template_of("{{ $labels.department }}")},
                {
                    "summary": template_of("败诉率：{{ $value }}"), "value": template_of("{{ $value }}"),
                    "summary_en": template_of("{{ $value }}"),
                    "gap": template_of("{{ $value }}"), "cases_url": template_of("/v1/cases?region=1"),
                },
            ),
        )
    }
)  # fmt: skip
NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Robots:
    """A local stand-in for both robots' servers: remembers what was posted, answers what it is told to."""

    url: str = ""
    answer: dict[str, Any] = field(default_factory=lambda: {"errcode": 0, "errmsg": "ok"})
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def robots() -> Iterator[Robots]:
    state = Robots()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.posted.append((self.path, content))
            body = json.dumps(state.answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


class Mailbox(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@dataclass
class Door:
    url: str
    clock: Clock
    dispatcher: NoticeDispatcher
    store: Store

    def post(self, content: dict[str, Any], token: str = "in") -> httpx.Response:
        return httpx.post(f"{self.url}/v1/alerts", json=content, headers={"Authorization": f"Bearer {token}"})

    def ledger(self, **query: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/v1/notices", params=query, headers={"Authorization": "Bearer out"})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["notices"]
        return found


@contextlib.contextmanager
def served(store: Store, channels: Channels, rules: RuleBook | None = None) -> Iterator[Door]:
    clock, registry = Clock(), new_registry()
    metrics = NoticeMetrics(registry)
    records = NoticeRecords(store.notices, channels, clock, metrics, rules)
    app = notices_application(records, registry, Tokens("in", "out", "scrape"), store.ping)
    with make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        dispatcher = NoticeDispatcher(store.notices, Senders(channels), clock, metrics)
        yield Door(f"http://127.0.0.1:{server.port}", clock, dispatcher, store)
        server.shutdown()
        thread.join()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        del type, message, args


@pytest.fixture
def door(store: Store) -> Iterator[Door]:
    with served(store, Channels()) as opened:
        yield opened


def test_a_notice_is_in_the_ledger_with_who_was_told_what_and_when(door: Door) -> None:
    assert door.post(posted()).json() == {"notices": 1}
    (line,) = door.ledger()
    assert (line["receiver"], line["value"], line["gap"]) == ("222424/justice", "6.10", "-1.10")
    assert datetime.fromisoformat(line["told"]) == NOON
    assert line["resolved"] is None


def test_a_repetition_is_counted_and_not_listed_twice(door: Door) -> None:
    door.post(posted())
    door.clock.now += timedelta(hours=24)
    door.post(posted(annotations={"summary": "败诉率：进度落后", "value": "7.00"}))
    (line,) = door.ledger()
    assert (line["times"], line["value"]) == (2, "7.00")
    assert datetime.fromisoformat(line["told"]) == NOON
    assert datetime.fromisoformat(line["last_told"]) == NOON + timedelta(hours=24)


def test_what_is_resolved_keeps_the_figures_with_which_it_was_told(door: Door) -> None:
    door.post(posted())
    door.post(posted(status="resolved", endsAt="2026-11-24T12:00:00Z", annotations={"summary": "", "value": "1.00"}))
    (line,) = door.ledger(state="resolved")
    assert line["value"] == "6.10"
    assert datetime.fromisoformat(line["resolved"]) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert door.ledger(state="open") == []


def test_somebody_acknowledges_and_the_first_one_stands(door: Door) -> None:
    door.post(posted())
    headers = {"Authorization": "Bearer out"}
    for who in ("王主任", "李科长"):
        told = {"region": 222424, "fingerprint": "0123456789abcdef", "by": who}
        httpx.post(f"{door.url}/v1/notices/acknowledge", json=told, headers=headers)
    (line,) = door.ledger(state="acknowledged")
    assert line["acknowledged_by"] == "王主任"


def test_the_door_lets_in_only_who_shows_the_token(door: Door) -> None:
    assert door.post(posted(), token="wrong").status_code == 401
    assert httpx.get(f"{door.url}/v1/notices", headers={"Authorization": "Bearer in"}).status_code == 401
    assert door.ledger() == []


def test_a_password_that_a_browser_sends_along_opens_nothing_but_the_metrics(door: Door) -> None:
    assert httpx.post(f"{door.url}/v1/alerts", json=posted(), auth=("any", "in")).status_code == 401
    assert httpx.get(f"{door.url}/v1/notices", auth=("any", "out")).status_code == 401


FOREIGN = {"annotations": {"summary": "请立即拨打热线"}}


@pytest.mark.attack
def test_an_alert_that_no_rule_makes_is_kept_as_foreign_and_passed_on_to_nobody(store: Store, robots: Robots) -> None:
    channels = Channels(None, {"default": Addresses(wecom=[Robot(url=robots.url)])})
    with served(store, channels, ONE_RULE) as door:
        door.post(posted(**FOREIGN))
        assert door.dispatcher.send_due() == 0
        (line,) = door.ledger()
        assert (line["foreign"], line["resolved"]) == (True, None)
        door.post(posted())
        assert door.dispatcher.send_due() == 1
        metrics = httpx.get(f"{door.url}/metrics", auth=("metrics", "scrape")).text
        assert "hallpulse_notices_foreign_total 1.0" in metrics
    assert "热线" not in json.dumps(robots.posted, ensure_ascii=False)


@pytest.mark.attack
def test_a_foreign_alert_with_the_labels_of_ours_changes_nothing_of_its_line(store: Store) -> None:
    with served(store, Channels(), ONE_RULE) as door:
        door.post(posted())
        door.post(posted(**FOREIGN))
        (line,) = door.ledger()
    assert (line["foreign"], line["times"], line["summary"]) == (False, 1, "败诉率：进度落后")


def test_the_end_of_an_alert_is_told_though_its_rule_is_gone_since(store: Store, robots: Robots) -> None:
    channels = Channels(None, {"default": Addresses(wecom=[Robot(url=robots.url)])})
    over = {"status": "resolved", "endsAt": "2026-11-24T12:00:00Z"}
    with served(store, channels, ONE_RULE) as door:
        door.post(posted())
    with served(store, channels, RuleBook({})) as door:
        door.post(posted(**over))
        door.post(posted(**over, fingerprint="another"))
        foreign = {line["fingerprint"]: line["foreign"] for line in door.ledger(state="resolved")}
        assert foreign == {"0123456789abcdef": False, "another": True}
        assert door.dispatcher.send_due() == 2
    assert "已恢复" in json.dumps(robots.posted[-1], ensure_ascii=False)


@pytest.mark.attack
def test_the_ledger_holds_and_shows_no_character_that_steers_a_terminal(door: Door) -> None:
    steering = "\x1b]0;x\x07\x9b2J\u202e\u2066\u200f\r\n\x7f"
    labels = {"alertname": f"Target{steering}Missed", "region": "222424", steering: steering}
    door.post({**posted(labels=labels, annotations={"summary": f"a{steering}b"}), "receiver": f"bureau{steering}"})
    (line,) = door.ledger()
    assert (line["alert"], line["summary"], line["receiver"]) == (
        "Target]0;x2J  Missed",
        "a]0;x2J  b",
        "bureau]0;x2J  ",
    )
    shown = json.dumps(line, ensure_ascii=False)
    assert not [character for character in steering if not character.isprintable() and character in shown]
    by = {"region": 222424, "fingerprint": "0123456789abcdef", "by": "王\u202e主任"}
    headers = {"Authorization": "Bearer out"}
    assert httpx.post(f"{door.url}/v1/notices/acknowledge", json=by, headers=headers).status_code == 400


def test_what_is_no_notification_is_refused_and_not_tried_again(door: Door) -> None:
    answer = door.post({"version": "3"})
    assert answer.status_code == 400
    assert "expected a notification" in answer.json()["detail"]


def test_it_shows_its_metrics_and_that_it_is_ready(door: Door) -> None:
    door.post(posted())
    assert "hallpulse_notices_total 1.0" in httpx.get(f"{door.url}/metrics", auth=("metrics", "scrape")).text
    assert httpx.get(f"{door.url}/metrics").status_code == 401
    assert httpx.get(f"{door.url}/metrics", auth=("metrics", "out")).status_code == 401
    assert httpx.get(f"{door.url}/readyz").status_code == 200


def test_messages_reach_mailbox_and_robots_in_their_own_forms(
    store: Store, robots: Robots, mail: tuple[Mailbox, int], tmp_path: Any
) -> None:
    (tmp_path / "key").write_text("SECkey\n")
    addresses = Addresses(
        email=["justice@example.cn"],
        wecom=[Robot(url=f"{robots.url}/cgi-bin/webhook/send?key=k")],
        dingtalk=[Robot(url=f"{robots.url}/robot/send?access_token=t", secret_file=str(tmp_path / "key"))],
    )
    smtp = Smtp(host="127.0.0.1", sender="hallpulse@example.cn", port=mail[1])
    with served(store, Channels(smtp, {"222424/justice": addresses})) as door:
        door.post(posted())
        assert door.dispatcher.send_due() == 3
        assert store.notices.waiting() == 0
    (letter,) = mail[0].mails
    assert letter["To"] == "justice@example.cn"
    assert "败诉率" in letter.get_payload(decode=True).decode()
    (wecom_path, wecom), (ding_path, ding) = robots.posted
    assert wecom_path == "/cgi-bin/webhook/send?key=k"
    assert wecom["msgtype"] == ding["msgtype"] == "markdown"
    assert "进度落后" in wecom["markdown"]["content"]
    assert ding_path.startswith("/robot/send?access_token=t&timestamp=")
    assert "&sign=" in ding_path
    assert set(ding["markdown"]) == {"title", "text"}


def test_a_message_that_was_refused_is_tried_again_later_and_arrives_once(store: Store, robots: Robots) -> None:
    channels = Channels(None, {"default": Addresses(wecom=[Robot(url=robots.url)])})
    robots.answer = {"errcode": 45009, "errmsg": "api freq out of limit"}
    with served(store, channels) as door:
        door.post(posted())
        door.dispatcher.send_due()
        assert door.dispatcher.send_due() == 0
        assert store.notices.waiting() == 1
        robots.answer = {"errcode": 0}
        door.clock.now += FIRST_WAIT
        assert door.dispatcher.send_due() == 1
        door.clock.now += timedelta(days=1)
        assert door.dispatcher.send_due() == 0
    assert len(robots.posted) == 2


def test_a_robot_that_is_away_is_waited_for_and_its_key_is_never_told(store: Store) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{probe.getsockname()[1]}/send?key=geheim"
    with served(store, Channels(None, {"default": Addresses(wecom=[Robot(url=away)])})) as door:
        door.post(posted())
        door.dispatcher.send_due()
        due = store.notices.due(NOON + timedelta(hours=1), timedelta(minutes=1))
    assert [d.attempts for d in due] == [2]


def test_an_address_that_is_gone_is_given_up(store: Store) -> None:
    with served(store, Channels(None, {"default": Addresses(wecom=[Robot(url="http://127.0.0.1:9")])})) as door:
        door.post(posted())
        nobody = NoticeDispatcher(store.notices, Senders(Channels()), door.clock, NoticeMetrics(new_registry()))
        nobody.send_due()
        assert store.notices.waiting() == 0
        door.post(posted())  # said again: nobody was told yet
        assert store.notices.waiting() == 1
