"""GET /v1/audit: who did what, read by those who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hallpulse.store import AuditEntry, Grant, Store
from hallpulse.store.notices import AlertKey, Notice, NoticeNote
from tests.gateway_ground import COUNTY
from tests.peopled import OTHER_COUNTY, Peopled

SCRIPT = "<script>alert(1)</script>"
AT = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    made = Peopled(store)
    with made.client:
        yield made


@pytest.mark.attack
def test_the_audit_is_read_by_who_may_within_the_region_by_page_and_kind(people: Peopled) -> None:
    written = [
        AuditEntry(
            "matter.opened", "7", COUNTY, {"about": "target settled_items", "department": "justice"}, "王一 (a)"
        ),
        AuditEntry("figures.returned", "2026-10", COUNTY, {"department": "justice", "reason": SCRIPT}, "王一 (a)"),
        AuditEntry("upload.add", "表.xlsx", OTHER_COUNTY, {"upload": 1}, "李二 (b)"),
        AuditEntry("calendar.apply", detail={"scopes": [0]}),
    ]
    for one in written:
        people.store.audit.append(one)
    bureau, leader, operator = (people.sign_in(name) for name in ("bureau", "leader", "operator"))
    for who in ("department", "hall"):
        assert people.sign_in(who).get("/v1/audit", region=COUNTY).status_code == 403
    assert bureau.get("/v1/audit", region=OTHER_COUNTY).status_code == 403
    assert bureau.get("/v1/audit", region=COUNTY, cursor="abc").status_code == 400
    assert bureau.get("/v1/audit", region=COUNTY, action="matter; DROP").status_code == 400

    returned, opened = leader.get("/v1/audit", region=COUNTY, limit=2).json()["entries"]
    assert (returned["action"], returned["by"], returned["subject"]) == ("figures.returned", "王一 (a)", "2026-10")
    assert (returned["said"], returned["department_names"]["zh"]) == (SCRIPT, "县司法局")
    assert (opened["target_names"]["zh"], opened["about"]) == ("进驻事项占比", "target settled_items")
    assert opened["at"].endswith("+08:00")

    pages, cursor = [], None
    while True:
        page = bureau.get("/v1/audit", region=COUNTY, limit=1, **({"cursor": cursor} if cursor else {})).json()
        pages += [one["line"] for one in page["entries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    whole = [one["line"] for one in bureau.get("/v1/audit", region=COUNTY).json()["entries"]]
    assert pages == whole == sorted(whole, reverse=True)
    kinds = {one["action"] for one in bureau.get("/v1/audit", region=COUNTY).json()["entries"]}
    assert not {kind for kind in kinds if kind.startswith("session.")}
    assert "calendar.apply" not in kinds, "what concerns all regions is told to who has all of them"
    assert "calendar.apply" in {one["action"] for one in operator.get("/v1/audit", region=COUNTY).json()["entries"]}
    signed = bureau.get("/v1/audit", region=COUNTY, action="session").json()["entries"]
    assert {one["action"] for one in signed} == {"session.begin"}
    (only,) = bureau.get("/v1/audit", region=COUNTY, action="matter.opened").json()["entries"]
    assert only["line"] == opened["line"]


def test_what_was_done_about_an_alert_is_told_in_the_words_of_its_last_notice(people: Peopled) -> None:
    summaries = {"summary_en": "behind its path"}
    told = Notice(COUNTY, "f1", AT, "bureau", "TargetBehindPath", "warning", "进度落后", {}, summaries)
    people.store.notices.record([told], [], AT)
    people.store.notices.note(AlertKey(COUNTY, "f1"), NoticeNote(AT, "王一 (a)", "已核对"))
    people.store.notices.note(AlertKey(COUNTY, "unknown"), NoticeNote(AT, "王一 (a)", "查不到"))
    bureau = people.sign_in("bureau")
    unknown, noted = bureau.get("/v1/audit", region=COUNTY, action="notice").json()["entries"]
    assert noted["alert"] == {"zh": "进度落后", "en": "behind its path"}
    assert (noted["said"], noted["by"]) == ("已核对", "bureau: 王一 (a)")
    assert (unknown["alert"], unknown["said"]) == (None, "查不到")


def test_a_person_of_another_county_reads_the_audit_of_that_county_alone(people: Peopled) -> None:
    people.store.audit.append(AuditEntry("upload.add", "表.xlsx", OTHER_COUNTY, {"upload": 1}, "李二 (b)"))
    people.add("other", Grant("bureau", OTHER_COUNTY))
    other = people.sign_in("other")
    assert other.get("/v1/audit", region=COUNTY).status_code == 403
    entries = other.get("/v1/audit", region=OTHER_COUNTY).json()["entries"]
    assert [one["subject"] for one in entries if one["action"] == "upload.add"] == ["表.xlsx"]
