"""A county's code that ends or is split: figures before, across and after the day as computed by brute force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from hallpulse.broker.rejections import DETAIL, REASON
from hallpulse.contract.events import EventType
from hallpulse.domain.errors import Halt
from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.succession import Succession
from hallpulse.store import Store
from services.console.main import cli
from tests.hall_events import changed
from tests.ingesting import ingest, publish, publishing, stored, take_refused, wait_until
from tests.integration.test_reconciliation import asking
from tests.merging import decoded, merge_all
from tests.oracle import brute, declared
from tests.oracle.streams import stream
from tests.servers import Vhost

ENDING, TAKING, PREFECTURE = "222401", "222424", "222400"
DAY = date(2026, 6, 15)
EVE = DAY - timedelta(days=1)
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
WINDOWS = [YEAR, (date(2026, 1, 1), EVE), (date(2026, 5, 10), date(2026, 7, 20)), (DAY, date(2026, 10, 31)), (EVE, DAY)]
DOCUMENT = "吉政函〔2026〕1号"


def merged(successor: str = TAKING, day: date = DAY, *, ends: bool = True) -> Succession:
    return Succession(int(ENDING), int(successor), day, ends, DOCUMENT, "撤县设区")


def with_its_catalogue_ended(events: Sequence[dict[str, Any]], region: str, day: date) -> list[dict[str, Any]]:
    """The same, and each item of a region retired on a day, and again whenever a version would begin later."""
    begins: dict[tuple[str, str], set[str]] = {}
    for event in events:
        data = event.get("data", {})
        if event["source"].startswith(f"/{region}/") and "effective_from" in data:
            found = begins.setdefault((event["source"], data["item_code"]), {day.isoformat()})
            found.add(max(data["effective_from"], day.isoformat()))
    retired = [
        {"specversion": "1.0", "id": f"ended-{number}-{start}", "source": source, "type": "hall.item.retired.v1",
         "time": "2026-12-31T23:59:59+08:00", "data": {"item_code": code, "effective_from": start}}
        for number, ((source, code), starts) in enumerate(sorted(begins.items())) for start in sorted(starts)
    ]  # fmt: skip
    return [*events, *retired]


def compare(store: Store, events: brute.Reading, *regions: str) -> None:
    with store.read() as moment:
        for region in regions:
            for start, end in WINDOWS:
                found = moment.figures(Scope(int(region)), Window(start, end))
                wanted = brute.indicators(events, region, start, end)
                assert brute.compare(wanted, found) == [], (region, start, end)
                days = moment.percentiles(Scope(int(region)), Window(start, end))
                assert days == brute.percentiles(events, region, start, end), (region, start, end)


def test_a_merged_code_keeps_what_was_reported_and_its_catalogue_ends_and_both_are_exact(
    store: Store, store_url: str
) -> None:
    events = stream(191, 2400, (ENDING, TAKING))
    merge_all(store, decoded(events), 500)
    as_reported = brute.read(events)
    compare(store, as_reported, ENDING, TAKING, PREFECTURE)
    done = store.codes.declare([merged()])
    assert done.items > 0 < done.later
    ended = brute.read(with_its_catalogue_ended(events, ENDING, DAY))
    compare(store, ended, ENDING, TAKING, PREFECTURE)
    with store.read() as moment:
        after = moment.figures(Scope(int(ENDING)), Window(DAY, DAY))
        assert after["settled_item_share"].denominator == 0
    assert store.recompute(check=True) == []
    _ask_of_the_merged(store_url, ended)
    # Versions that come later bring nothing back; a history that they correct is corrected.
    late = with_new_ids([e for e in events if ".item." in e["type"] and e["source"].startswith(f"/{ENDING}/")][:20])
    merge_all(store, decoded(late), 7)
    events += late
    compare(store, brute.read(with_its_catalogue_ended(events, ENDING, DAY)), ENDING, PREFECTURE)
    assert store.recompute(check=True) == []
    assert [one.successor for one in store.codes.withdraw(int(ENDING))] == [int(TAKING)]
    compare(store, brute.read(events), ENDING, TAKING, PREFECTURE)
    assert store.recompute(check=True) == []
    actions = [line.entry.action for line in store.audit.list()]
    assert {"region.end", "region.withdraw"} <= set(actions)


def with_new_ids(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "id": f"late-{number}"} for number, event in enumerate(events) if "corrects" not in event["data"]]


def _ask_of_the_merged(url: str, events: brute.Reading) -> None:
    """The successor with its predecessor is the whole prefecture here: by the API, with the codes named."""
    with asking(url) as client:
        for start, end in WINDOWS:
            asked = f"/v1/indicators?region={TAKING}&from={start}&to={end}&predecessors=true"
            answer = client.get(asked).json()
            found = {one["id"]: (one["numerator"], one["denominator"]) for one in answer["indicators"]}
            assert brute.compare(brute.indicators(events, PREFECTURE, start, end), found) == [], (start, end)
            (timed,) = [one for one in answer["indicators"] if one["id"] == "mean_elapsed_days"]
            assert timed["percentiles"] == brute.percentiles(events, PREFECTURE, start, end)
            assert [one["region"] for one in answer["parts"]] == [TAKING, ENDING]
            parent = client.get(f"/v1/indicators?region={PREFECTURE}&from={start}&to={end}").json()
            assert answer["open_cases"] == parent["open_cases"]
            assert answer["coverage"] == parent["coverage"]
            whole = client.get(f"/v1/reconciliation?region={PREFECTURE}&from={start}&to={end}").json()
            assert not [one for one in whole["differences"] if one["kind"] == "unaccounted"]
            assert {one["region"] for one in whole["children"]} >= {ENDING, TAKING}
        assert client.get(f"/v1/indicators?region={TAKING}").json().get("parts") is None
        for more in ("as_of=2026-05-01T00:00:00%2B08:00", "hall=hall-1"):
            assert client.get(f"/v1/indicators?region={TAKING}&predecessors=true&{more}").status_code == 422
        regions = {one["region"]: one for one in client.get("/v1/regions").json()["regions"]}
        told = {"from": DAY.isoformat(), "ends": True, "document": DOCUMENT, "reason": "撤县设区"}
        assert regions[ENDING]["ended"] == DAY.isoformat()
        (successor,) = regions[ENDING]["successors"]
        (predecessor,) = regions[TAKING]["predecessors"]
        assert successor.items() >= {"region": TAKING, **told}.items()
        assert predecessor.items() >= {"region": ENDING, **told}.items()
        assert successor["region_names"]["zh"] == "汪清县"


def test_a_part_that_was_split_off_has_the_days_before_of_the_code_that_goes_on(store: Store, store_url: str) -> None:
    part = "222499"
    events = stream(192, 1600, (ENDING, part))
    merge_all(store, decoded(events), 500)
    store.codes.declare([merged(part, ends=False)])
    reading = brute.read(events)
    compare(store, reading, ENDING, part, PREFECTURE)
    with asking(store_url) as client:
        for start, end in WINDOWS:
            answer = client.get(f"/v1/indicators?region={part}&from={start}&to={end}&predecessors=true").json()
            found = {one["id"]: (one["numerator"], one["denominator"]) for one in answer["indicators"]}
            wanted = brute.indicators(reading, part, start, end)
            last = min(end, EVE)
            if start <= last:
                before = brute.indicators(reading, ENDING, start, last)
                of_catalogue = set() if last == end else CATALOGUE
                wanted = {name: _sum(name, wanted, before, of_catalogue) for name in wanted | before}
            assert brute.compare(wanted, found) == [], (start, end)
            assert [one["region"] for one in answer["parts"]] == ([part, ENDING] if start <= last else [part])


CATALOGUE = {
    "instant_item_share", "promised_limit_compression", "settled_item_share", "full_process_item_share",
    "unified_item_share", "tolerance_items", "commitment_items",
}  # fmt: skip


def _sum(name: str, one: brute.Figures, other: brute.Figures, only_one: set[str]) -> tuple[int, int]:
    if name in only_one or name not in other:
        return one[name]
    if name not in one:
        return other[name]
    is_count = name in {"tolerance_items", "commitment_items", *declared.COUNTS}
    denominator = max(one[name][1], other[name][1]) if is_count else one[name][1] + other[name][1]
    return one[name][0] + other[name][0], denominator


def test_after_the_day_what_begins_is_refused_with_the_successor_and_what_goes_on_is_taken(
    vhost: Vhost, store: Store, store_url: str
) -> None:
    source, key = f"/{ENDING}/hall-1", f"{ENDING}.hall-1"

    def case(name: str, when: str) -> dict[str, Any]:
        return changed(
            EventType.CASE_RECEIVED, {"case_id": name}, id=f"{name}-r", source=source, time=f"{when}T09:00:00+08:00"
        )

    with publishing(vhost) as channel, ingest(vhost, store_url):
        for event in (case("old", "2026-06-12"), case("known", "2026-06-16")):
            publish(channel, event, f"{key}.case", user_id=vhost.user)
        wait_until(lambda: stored(store) == 2)
        assert store.codes.declare([merged()]).later == 1
        decision = changed(
            EventType.CASE_DECIDED, {"case_id": "old"}, id="old-d", source=source, time="2026-06-20T09:00:00+08:00"
        )
        batch = [case("new", "2026-06-15"), decision, case("known", "2026-06-16"), case("late", "2026-06-14")]
        publish(channel, batch, f"{key}.case", user_id=vhost.user)
        wait_until(lambda: stored(store) == 4)
        (closed,) = [one.closed for (region, _), one in _facts(store).items() if region == int(ENDING)]
        store.halls.add(int(ENDING), "hall-1", ["case"], "hash")
        environment = {"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_AMQP_URL": vhost.amqp_url}
        said = CliRunner().invoke(cli, ["refused", "replay"], env=environment)
        assert said.output.startswith("sent 0 again; 1 would be refused again"), said.output
        (copy,) = take_refused(vhost, 1)
    assert json.loads(copy.body)["id"] == "new-r"
    assert copy.headers[REASON] == "region-ended"
    assert f"{TAKING}, which succeeds {ENDING} from {DAY} on ({DOCUMENT})" in copy.headers[DETAIL]
    with store.read() as moment:
        known = moment.stored_ids(int(ENDING), "hall-1", ["old-d", "late-r", "known-r", "new-r"])
        assert known == {"old-d", "late-r", "known-r"}
        counted = moment.figures(Scope(int(ENDING)), Window(*YEAR))["acceptance_rate"]
    assert counted.numerator == 1, "received before, decided after: a case goes on under its code"
    assert closed == DAY


def _facts(store: Store) -> Any:
    with store.read() as moment:
        return moment.hall_facts()


def test_the_command_declares_lists_refuses_and_takes_back(store: Store, store_url: str) -> None:
    environment = {"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_AMQP_URL": "amqp://nobody@127.0.0.1:9/"}

    def run(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(cli, ["region", *arguments], env=environment)
        assert done.exit_code == status, done.output
        assert "Traceback" not in done.output
        return done.output

    law = ("--from", DAY.isoformat(), "--document", DOCUMENT, "--reason", "撤县设区")
    assert f"{ENDING} → {TAKING}" in run("end", ENDING, TAKING, *law)
    assert "ended on 2026-06-15 already" in run("end", ENDING, TAKING, *law, status=1)
    run("end", "222400", TAKING, *law, status=2)
    run("end", ENDING, TAKING, "--from", "2026-02-30", "--document", "x", "--reason", "y", status=2)
    run("split", TAKING, "222403", *law[:4], "--reason", "\x1b[2J", status=2)
    assert f"{TAKING} → 222403" in run("split", TAKING, "222403", *law)
    listed = json.loads(run("list", "--json"))
    assert [(one["region"], one["successor"], one["ends"]) for one in listed] == [
        (ENDING, TAKING, True),
        (TAKING, "222403", False),
    ]
    assert DOCUMENT in run("list")
    run("withdraw", TAKING)
    assert "nothing was declared" in run("withdraw", TAKING, status=1)
    with pytest.raises(Halt, match="already"):
        store.codes.declare([merged("222402")])
