"""A department doubles its statutory limits on one day: marked in every answer, ranking, report and metric.

That the alert rule fires is in tests/e2e/test_alerts.py, and by promtool's tests of the rules.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from hallpulse.domain.compression import COMPRESSION
from hallpulse.domain.figures import Figure
from hallpulse.store import Store
from services.reports.monthly import document_of, period_of
from services.targets.exposition import snapshot_families
from services.targets.readings import TargetReadings
from tests.integration.test_reports import NOW, PLANS, REGION, gateway, reported
from tests.integration.test_store import cloud_event, item
from tests.merging import decoded, merge_all
from tests.reporting import said, tables

WATER = [("w1", 20, 8), ("w2", 30, 12), ("w3", 10, 4)]
HEALTH = [("h1", 20, 7), ("h2", 15, 5)]
DAY, LATER = "2026-10-12", "2026-10-12T08:00:00+08:00"
HONEST, AFTER = Figure(20 + 30 + 10 + 20 + 15 - 36, 95), Figure(40 + 60 + 20 + 20 + 15 - 36, 155)
WATER_HONEST, WATER_AFTER = Figure(36, 60), Figure(96, 120)
HEALTH_FIGURE = Figure(23, 35)


def version(code: str, statutory: int, promised: int, department: str, start: str) -> dict[str, Any]:
    more = {"item_code": code, "name": f"事项{code}", "department": department, "statutory_days": statutory}
    return item(promised, start, f"{code}-{start}", **more)


@pytest.fixture
def county(store: Store) -> Store:
    given = [version(c, s, p, "water", "2025-06-01") for c, s, p in WATER]
    given += [version(c, s, p, "health", "2025-06-01") for c, s, p in HEALTH]
    doubled = [version(c, 2 * s, p, "water", DAY) for c, s, p in WATER]
    merge_all(store, decoded([*given, *doubled]), 3)
    return store


def of(figure: Figure) -> dict[str, Any]:
    return {
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "value": pytest.approx(figure.numerator / figure.denominator),
    }


def test_the_target_and_the_departments_say_what_they_would_be_without_it(county: Store) -> None:
    with gateway(county) as client:
        targets = client.get("/v1/targets", params={"region": REGION}).json()["targets"]
        (marked,) = [target for target in targets if target["marks"]]
        assert (marked["id"], marked["numerator"], marked["denominator"]) == (
            "promised_limit", AFTER.numerator, AFTER.denominator,
        )  # fmt: skip
        (mark,) = marked["marks"]
        assert (mark["check"], mark["findings"], mark["without"]) == ("statutory_raised", 3, of(HONEST))
        (gain,) = marked["causes"]
        changed = Fraction(AFTER.numerator, AFTER.denominator) - Fraction(HONEST.numerator, HONEST.denominator)
        assert (gain["id"], Fraction(gain["exact"])) == ("statutory_raised", changed)
        listed = client.get("/v1/departments", params={"region": REGION, "from": "2026-11-01"}).json()["departments"]
        marks = {d["id"]: i["marks"] for d in listed for i in d["indicators"] if i["marks"]}
        assert {name: one[0]["without"] for name, one in marks.items()} == {"water": of(WATER_HONEST)}
        own = client.get("/v1/indicators", params={"region": REGION, "department": "health"}).json()["indicators"]
        assert [one for one in own if one["marks"]] == []


def test_before_that_day_and_before_it_was_known_nothing_is_marked(county: Store) -> None:
    with gateway(county) as client:
        for more in ({"on": "2026-10-11"}, {"as_of": "2026-11-01T00:00:00+08:00"}):
            targets = client.get("/v1/targets", params={"region": REGION, **more}).json()["targets"]
            assert [target["id"] for target in targets if target["marks"]] == []


def test_the_whole_gain_is_that_of_raised_limits_by_item(county: Store) -> None:
    with gateway(county) as client:
        asked = {"region": REGION, "from": "2026-10-11", "to": DAY}
        found = client.get("/v1/compression", params=asked).json()
        parts = {part["id"]: part for part in found["parts"]}
        assert (found["before"], found["after"]) == (of(HONEST), of(AFTER))
        assert found["difference"] == pytest.approx(AFTER.numerator / AFTER.denominator - HONEST.numerator / 95)
        raised = parts.pop("statutory_raised")
        assert raised["exact"] == found["exact"]
        assert [one["item_code"] for one in raised["items"]] == ["w2", "w1", "w3"]
        assert [(one["department"], one["exact"]) for one in raised["departments"]] == [("water", found["exact"])]
        assert {part["share"] for part in parts.values()} == {0}
        of_health = client.get("/v1/compression", params={**asked, "department": "health"}).json()
        assert (of_health["difference"], of_health["marks"]) == (0, [])


def test_the_report_marks_the_target_and_the_ranking_with_the_value_without_it(county: Store) -> None:
    document = document_of(reported(county))
    assert "※ 承诺办结时限压缩比中有3个事项提高法定时限换取压缩比，扣除后为62.11%（59/95）。" in said(document)
    (ranked,) = [table for table in tables(document) if table.title.zh == "按承诺办结时限压缩比排名"]
    assert "承诺办结时限压缩比自方案期开始以来的变化（百分点）：提高法定时限 +14.67。" in said(document)
    assert [row[1].small for row in ranked.rows] == ["提高法定时限 +20.00", ""]
    shown = {row[1].text: (row[0].text, row[2].text, row[-1].text) for row in ranked.rows}
    assert shown == {"县水利局 ※": ("1", "80.00%", "60.00%"), "县卫生健康局": ("2", "65.71%", "—")}


def test_the_metrics_mark_the_target_and_show_the_value_without_it(county: Store) -> None:
    readings = TargetReadings(county, PLANS, NOW.timestamp)
    families = {family.name: family for family in map(lambda f: f.metric(), snapshot_families(readings.refresh()))}
    found = {
        name: {tuple(s.labels.values()): s.value for s in families[f"hallpulse_{name}"].samples}
        for name in (
            "target_marked",
            "target_value_without",
            "department_value_without",
            "target_gain",
            "department_target_marked",
        )
    }
    target = (str(REGION), "promised_limit", "statutory_raised")
    assert found["target_marked"] == {target: 1}
    assert found["department_target_marked"] == {(str(REGION), "water", "promised_limit", "statutory_raised"): 1}
    assert found["target_gain"] == {
        (str(REGION), "promised_limit", "statutory_raised", "提高法定时限", "statutory limits raised"): pytest.approx(
            119 / 155 - 59 / 95
        )
    }
    assert found["target_value_without"] == {target: pytest.approx(59 / 95)}
    assert found["department_value_without"] == {
        (str(REGION), "water", COMPRESSION, "statutory_raised"): pytest.approx(0.6)
    }


def test_the_report_of_the_month_before_is_not_marked(county: Store) -> None:
    september = document_of(reported(county, period_of("2026-09")))
    assert "※" not in said(september)


@pytest.mark.parametrize(
    ("start", "more"),
    [
        pytest.param("2025-06-01", [], id="in its place"),
        pytest.param("2025-07-01", [], id="from before the plan on"),
        pytest.param("2025-07-01", ["w1", "w2", "w3"], id="the first taken back"),
    ],
)
def test_a_past_that_is_written_anew_is_marked_as_the_raise_that_it_is(
    store: Store, start: str, more: list[str]
) -> None:
    """The catalogue as it is now shows no raise in the plan's period: what was known before does."""
    given = [version(c, s, p, "water", "2025-06-01") for c, s, p in WATER]
    given += [version(c, s, p, "health", "2025-06-01") for c, s, p in HEALTH]
    store.merge(decoded(given), datetime(2026, 1, 5, tzinfo=UTC))
    anew = [version(c, 2 * s, p, "water", start) | {"id": f"{c}-anew", "time": LATER} for c, s, p in WATER]
    gone = [cloud_event("item.retracted", "2026-10-12T09:00:00", f"{c}-gone",
                        {"item_code": c, "event_id": f"{c}-2025-06-01"}) for c in more]  # fmt: skip
    store.merge(decoded([*anew, *gone]), datetime(2026, 10, 12, tzinfo=UTC))
    with gateway(store) as client:
        targets = client.get("/v1/targets", params={"region": REGION}).json()["targets"]
        (marked,) = [target for target in targets if target["marks"]]
        (mark,) = marked["marks"]
        assert (mark["check"], mark["findings"], mark["without"]["numerator"], mark["without"]["denominator"]) == (
            "statutory_raised", 3, HONEST.numerator, HONEST.denominator,
        )  # fmt: skip
        window = {"region": REGION, "from": "2026-10-01", "to": "2026-10-31"}
        checks = {one["id"]: one for one in client.get("/v1/integrity", params=window).json()["checks"]}
        rows = checks["statutory_raised"]["cases"]
        assert [(r["item_code"], r["statutory_before"], r["statutory_days"]) for r in rows] == [
            (c, s, 2 * s) for c, s, _ in WATER
        ]
        before = {"region": REGION, "as_of": "2026-10-11T00:00:00Z"}
        assert not any(t["marks"] for t in client.get("/v1/targets", params=before).json()["targets"])


def test_a_limit_that_is_mended_on_the_day_it_came_is_no_raise(store: Store) -> None:
    at = datetime(2026, 10, 12, 2, tzinfo=UTC)
    store.merge(decoded([version(c, s, p, "water", "2026-01-01") for c, s, p in WATER]), at)
    mended = [version(c, 2 * s, p, "water", "2026-01-01") | {"id": f"{c}-mended", "time": LATER} for c, s, p in WATER]
    store.merge(decoded(mended), at + timedelta(hours=3))
    with gateway(store) as client:
        assert not any(t["marks"] for t in client.get("/v1/targets", params={"region": REGION}).json()["targets"])
