"""Notices: what Alertmanager posts, what people read, and the robots' own forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from services.notices.channels import Channels, ChannelsError, load_channels
from services.notices.records import body_of, messages_of, title_of
from services.notices.sending import cut, signature
from services.notices.webhook import BadNotice, RulesError, decode, load_rules, notices_of, template_of


def posted(**changes: Any) -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": "TargetBehindPath", "region": "222424", "severity": "critical", "lead": "justice"},
        "annotations": {
            "summary": "败诉率：进度落后",
            "summary_en": "Loss rate: behind",
            "value": "6.10",
            "gap": "-1.10",
            "cases_url": "/v1/cases?region=1",
        },
        "startsAt": "2026-11-24T10:00:00.123456789+08:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "0123456789abcdef",
    }
    return {
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "222424/justice",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager",
        "alerts": [{**alert, **changes}],
    }  # fmt: skip


def body(**changes: Any) -> bytes:
    return json.dumps(posted(**changes)).encode()


def test_an_alert_becomes_a_line_of_the_ledger() -> None:
    (notice,) = notices_of(decode(body()))
    assert (notice.region, notice.receiver, notice.alert) == (222424, "222424/justice", "TargetBehindPath")
    assert notice.started == datetime(2026, 11, 24, 2, 0, 0, 123457, UTC)
    assert notice.ended is None
    assert notice.annotations["gap"] == "-1.10"


def test_a_resolved_alert_has_its_end() -> None:
    (notice,) = notices_of(decode(body(status="resolved", endsAt="2026-11-24T12:00:00Z")))
    assert notice.ended == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_an_alert_of_the_suite_has_no_region() -> None:
    (notice,) = notices_of(decode(body(labels={"alertname": "IngestLag"})))
    assert notice.region == 0


@pytest.mark.parametrize("region", ["", "all", "22242", "2224240", "22242４", "-22424"])
def test_a_label_that_is_no_region_code_is_none(region: str) -> None:
    (notice,) = notices_of(decode(body(labels={"region": region})))
    assert notice.region == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"version":"3"}', b"[" * 100_000, body(startsAt="2026-11-24T10:00:00")],
)
def test_what_is_no_notification_is_refused(content: bytes) -> None:
    with pytest.raises(BadNotice, match="expected"):
        decode(content)


def test_a_nul_never_reaches_the_database() -> None:
    (notice,) = notices_of(decode(body(labels={"alertname": "a\0b"}, annotations={"summary": "\0"})))
    assert "\0" not in notice.alert + notice.summary + "".join(notice.labels.values())


PLANS = Path(__file__).parents[2] / "plans"
RULES = PLANS / "_gen" / "rules"


def templates() -> list[dict[str, Any]]:
    groups = [group for path in RULES.glob("*.yml") for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def filled(texts: dict[str, str]) -> dict[str, str]:
    """As Prometheus would fill the holes: with one text each, whatever it is."""
    return {name: HOLE.sub("公安局 12.30", text) for name, text in texts.items()}


# Controls do not nest more than once in our rules: the outermost from its opening to its end.
HOLE = re.compile(
    r"\{\{ with (?:(?!\{\{ end \}\}).)*(?:\{\{ range .*?\{\{ end \}\}.*?)?\{\{ end \}\}|\{\{.*?\}\}", re.DOTALL
)


def test_every_alert_that_our_rules_make_is_ours() -> None:
    book, rules = load_rules(RULES), templates()
    assert len(rules) > 100
    for rule in rules:
        labels = {"alertname": rule["alert"], "region": "222424", **filled(rule["labels"])}
        for status in ("firing", "resolved"):
            content = body(status=status, labels=labels, annotations=filled(rule["annotations"]))
            (alert,) = decode(content).alerts
            assert book.can_have_made(alert), (rule["alert"], alert)


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        ({"alertname": "PayNow"}, {}),
        ({}, {}),
        ({"severity": "info"}, {}),
        ({"lead": "somebody"}, {}),
        ({}, {"summary": "请立即拨打 12345"}),
        ({}, {"runbook_url": "http://elsewhere"}),
        ({}, {"other": "x"}),
    ],
)  # fmt: skip
def test_an_alert_that_no_rule_of_ours_makes_is_told_from_ours(
    labels: dict[str, str], annotations: dict[str, str]
) -> None:
    rule = next(rule for rule in templates() if rule["alert"] == "IngestLag")
    true_labels = {"alertname": "IngestLag", **filled(rule["labels"])}
    true_annotations = filled(rule["annotations"])
    (alert,) = decode(body(labels=true_labels | labels, annotations=true_annotations | annotations)).alerts
    assert load_rules(RULES).can_have_made(alert) is (not labels and not annotations)


@pytest.mark.parametrize(
    ("template", "text", "fits"),
    [
        ("a", "a", True), ("a", "ab", False), ("a{{ x }}b", "ab", True), ("a{{ x }}b", "a1b2b", True),
        ("a{{ x }}b", "ba", False), ("{{ x }}", "anything", True), ("a{{ x }}a", "a", False),
        ("a{{ with query `x{y=\"z\"}` }}{{ . }}{{ else }}none{{ end }}b", "a1b", True),
        ("a{{ with x }}{{ range . }}c{{ end }}d{{ else }}e{{ end }}b", "a?b", True),
        ("{{ a }}, {{ b }}.", "1, 2.", True), ("{{ a }}, {{ b }}.", "1.", False),
    ],
)  # fmt: skip
def test_a_template_fits_what_it_can_make(template: str, text: str, fits: bool) -> None:
    assert template_of(template).fits(text) is fits


def test_a_long_text_is_held_against_a_template_in_no_time() -> None:
    template, began = template_of("{{ a }}x" * 12 + "y"), time.perf_counter()
    assert not template.fits("x" * 4_000_000)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("content", [None, "", "groups: [{rules: [{alert: a, labels: 5}]}]", "a: [", "groups: []"])
def test_a_folder_without_rules_is_refused_in_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "rules.yml").write_text(content)
    with pytest.raises(RulesError, match="expected") as refused:
        load_rules(tmp_path)
    assert "\n" not in str(refused.value)


def test_the_text_says_what_is_wrong_since_when_and_where_to_look() -> None:
    notices = notices_of(decode(body()))
    assert title_of(notices) == "✖ 严重 败诉率：进度落后"
    assert "起始：2026-11-24 10:00" in body_of(notices)
    assert "/v1/cases" not in body_of(notices), "an address that opens from nowhere is none"
    text = body_of(notices, "https://hall.example")
    assert "相关办件：https://hall.example/v1/cases?region=1" in text
    assert "打开告警：https://hall.example/#/alerts?region=222424&alert=0123456789abcdef" in text
    assert "败诉率：进度落后\nLoss rate: behind" in text


def test_what_is_over_reads_as_over() -> None:
    notices = notices_of(decode(body(status="resolved", endsAt="2026-11-24T12:00:00Z")))
    assert title_of(notices).startswith("✔ 已恢复")
    assert "恢复：2026-11-24 20:00" in body_of(notices)


CHANNELS = """\
smtp: {host: 127.0.0.1, port: 2525, from: hallpulse@example.cn}
receivers:
  222424/justice: {email: [a@example.cn, b@example.cn], wecom: [{url: "http://127.0.0.1/send?key=k"}]}
  default: {dingtalk: [{url_file: /run/secrets/dingtalk}]}
"""


def channels(tmp_path: Path, text: str = CHANNELS) -> Channels:
    path = tmp_path / "channels.yaml"
    path.write_text(text)
    return load_channels(path)


def test_a_notice_is_passed_on_to_every_address_of_its_receiver(tmp_path: Path) -> None:
    notices = notices_of(decode(body()))
    known = messages_of("222424/justice", notices, channels(tmp_path))
    assert [(m.channel, m.place) for m in known] == [("email", 0), ("email", 1), ("wecom", 0)]
    assert [m.channel for m in messages_of("bureau", notices, channels(tmp_path))] == ["dingtalk"]
    assert messages_of("bureau", notices, Channels()) == []


def of_hall(hall: str) -> bytes:
    labels = {"alertname": "HallEventsRefused", "region": "222424", "hall": hall, "lead": "hall"}
    return json.dumps({**posted(labels=labels), "receiver": "halls"}).encode()


def test_what_concerns_a_hall_goes_to_its_owner_and_to_the_bureau_where_nobody_is_named(tmp_path: Path) -> None:
    known = channels(
        tmp_path,
        "receivers: {222424.hall-1: {wecom: [{url: a}]}, bureau: {dingtalk: [{url: b}]}, default: {email: []}}",
    )
    for hall, channel in (("hall-1", "wecom"), ("hall-2", "dingtalk")):
        (notice,) = notices_of(decode(of_hall(hall)))
        assert notice.receiver == f"222424.{hall}"
        assert [m.channel for m in messages_of(notice.receiver, [notice], known)] == [channel]
    assert known.of("222424/justice.office") == known.of("anybody")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("receivers: {bureau: {email: [a@example.cn]}}", "expected smtp"),
        ("receivers: {bureau: {wecom: [{}]}}", "expected url or url_file"),
        ("receivers: {bureau: {wecom: [{url: a, url_file: b}]}}", "expected url or url_file"),
        ("receivers: {bureau: {pager: []}}", "pager"),
        ("smtp: {host: a, from: b, port: 0}", "port"),
        ("a: [", "channels.yaml"),
    ],
)
def test_a_wrong_file_of_channels_is_refused_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ChannelsError, match=expected) as refused:
        channels(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_dingtalk_gets_its_signature() -> None:
    signed = parse_qs(signature("SECkey", 1_700_000_000_000).lstrip("&"))
    expected = hmac.new(b"SECkey", b"1700000000000\nSECkey", hashlib.sha256).digest()
    assert signed == {"timestamp": ["1700000000000"], "sign": [base64.b64encode(expected).decode()]}


@pytest.mark.parametrize("most", [10, 11, 12, 13, 4096])
def test_a_text_is_cut_between_characters(most: int) -> None:
    short = cut("政务服务" * 2_000, most)
    assert len(short.encode()) <= most
    assert short.endswith("……")
    assert cut("短", most) == "短"
