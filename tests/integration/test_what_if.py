"""What if: what is said of changed items is what comes when they are imported, to the last number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hallpulse.domain.figures import Scope
from hallpulse.store import Grant, Store
from services.gateway.what_if import ItemChange, WhatIfIn, changed_items, table_of
from tests.gateway_ground import COUNTY, TODAY
from tests.ingesting import wait_until
from tests.integration.test_store import cloud_event
from tests.merging import decoded
from tests.peopled import Peopled, Signed
from tests.servers import Vhost
from tests.uploading import imported, peopled, settled, uploaded

FLAGS = ("settled", "unified", "full_process", "tolerates_missing", "commitment")
CODES = [f"i-{number}" for number in range(6)]


def item(number: int, day: str, department: str, **more: Any) -> dict[str, Any]:
    data = {
        "item_code": f"i-{number}", "name": f"事项{number}", "department": department, "kind": "licensing",
        "handling": "promised", "statutory_days": 20, "promised_days": 10 + number, "effective_from": day,
        "settled": number % 2 == 0, "full_process": True, "tolerates_missing": False, **more,
    }  # fmt: skip
    return cloud_event("item.published", "2026-01-02T09:00:00", f"i-{number}-{day}", data)


def some_case(number: int) -> list[dict[str, Any]]:
    """Accepted today, half of them decided: the item's limit dates them."""
    about = {"case_id": f"c-{number}", "item_code": CODES[number % 6], "department": "justice", "channel": "window"}
    steps = [("received", about), ("accepted", {"case_id": f"c-{number}"})]
    steps += [("decided", {"case_id": f"c-{number}", "outcome": "granted"})] if number % 2 else []
    return [
        cloud_event(f"case.{kind}", f"{TODAY}T{9 + n:02}:00:00", f"c-{number}-{kind}", data)
        for n, (kind, data) in enumerate(steps)
    ]


def fill(people: Peopled) -> None:
    events = [item(n, "2026-01-01", "justice" if n < 3 else "petitions") for n in range(6)]
    events += [item(5, "2026-12-20", "petitions", promised_days=3)]
    events += [event for n in range(12) for event in some_case(n)]
    people.store.merge(decoded(events), people.clock.now)


@pytest.fixture
def people(store: Store) -> Iterator[Peopled]:
    made = Peopled(store)
    fill(made)
    with made.client:
        yield made


def asked(who: Signed, changes: list[dict[str, Any]], day: object = TODAY, **more: Any) -> Any:
    body = {"region": str(COUNTY), "effective_from": str(day), "changes": changes, **more}
    return who.post("/v1/whatif", body)


CHANGES = st.lists(
    st.fixed_dictionaries(
        {"item_code": st.sampled_from(CODES)},
        optional={
            "statutory_days": st.integers(1, 40), "promised_days": st.integers(1, 40),
            **{flag: st.booleans() for flag in FLAGS},
        },
    ),
    min_size=1, max_size=6, unique_by=lambda change: change["item_code"],
)  # fmt: skip


@settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(changes=CHANGES, instant=st.sets(st.sampled_from(CODES)), later=st.sampled_from([0, 0, 1, 30]))
def test_each_figure_and_target_moves_as_it_was_said(
    people: Peopled, changes: list[dict[str, Any]], instant: set[str], later: int
) -> None:
    """Of today and of later days, also where a version holds from then on already, and where cases are dated again."""
    for change in changes:
        if change["item_code"] in instant:
            change |= {"handling": "instant", "promised_days": 0}
        elif "promised_days" in change:
            change["handling"] = "promised"
    people.clock.now += timedelta(minutes=1)  # each set of changes arrives by itself
    bureau, day = people.sign_in("bureau"), TODAY + timedelta(days=later)
    answer = asked(bureau, changes, day)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    before = bureau.get("/v1/targets", region=COUNTY, on=day).json()["targets"]
    assert [one["before"] for one in said["targets"]] == before
    resources = people.app.state.resources
    wanted = msgspec.convert({"region": str(COUNTY), "effective_from": str(day), "changes": changes}, WhatIfIn)
    with people.store.read() as moment:
        events = changed_items(resources, Scope(COUNTY), moment.catalogue(COUNTY), wanted)
    people.store.merge(events, people.clock.now)
    assert [one["after"] for one in said["targets"]] == bureau.get("/v1/targets", region=COUNTY, on=day).json()[
        "targets"
    ]
    window = {"from": "2026-01-01", "to": day}
    for department, figures in [
        (None, said["figures"]),
        *((d["department"], d["figures"]) for d in said["departments"]),
    ]:
        now = bureau.get(
            "/v1/indicators", region=COUNTY, **window, **({"department": department} if department else {})
        )
        real = {one["id"]: (one["numerator"], one["denominator"]) for one in now.json()["indicators"]}
        for one in figures:
            assert real[one["indicator"]] == (one["after"]["numerator"], one["after"]["denominator"]), one


def test_nothing_is_stored_of_what_was_only_asked(people: Peopled) -> None:
    bureau = people.sign_in("bureau")
    counted = people.store.read
    with counted() as moment:
        before = moment.event_counts(COUNTY)
    first = asked(bureau, [{"item_code": "i-0", "promised_days": 1}]).json()
    assert asked(bureau, [{"item_code": "i-0", "promised_days": 1}]).json() == first
    with counted() as moment:
        assert moment.event_counts(COUNTY) == before


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ([], {}),
        ([{"item_code": "no-such", "promised_days": 1}], {}),
        ([{"item_code": "i-0"}, {"item_code": "i-0"}], {}),
        ([{"item_code": "i-0", "handling": "instant", "promised_days": 3}], {}),
        ([{"item_code": "i-0", "promised_days": -1}], {}),
        ([{"item_code": "i-0", "promised_days": 1001}], {}),
        ([{"item_code": "i-0", "surprise": 1}], {}),
        ([{"item_code": "i-0", "promised_days": 1}], {"effective_from": "2026-11-23"}),
        ([{"item_code": "i-0", "promised_days": 1}], {"effective_from": "9999-01-01"}),
        ([{"item_code": "i-0", "promised_days": 1}], {"region": "x"}),
        ([{"item_code": "i-0", "promised_days": 1}], {"region": "222400"}),
        ([{"item_code": "i-0", "promised_days": 1}], {"upload": 1}),
    ],
)
def test_what_cannot_be_is_refused_with_the_field(
    people: Peopled, changes: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    answer = asked(people.sign_in("bureau"), changes, **more)
    assert answer.status_code in (403, 422), answer.text


@pytest.mark.attack
def test_a_department_changes_and_sees_its_own_items_alone(people: Peopled) -> None:
    justice, bureau = people.sign_in("department"), people.sign_in("bureau")
    own = {"department": "justice"}
    assert asked(justice, [{"item_code": "i-0", "promised_days": 1}]).status_code == 403
    assert asked(justice, [{"item_code": "i-0", "promised_days": 1}], department="petitions").status_code == 403
    assert asked(justice, [{"item_code": "i-4", "promised_days": 1}], **own).status_code == 422
    said = asked(justice, [{"item_code": "i-0", "promised_days": 1}], **own).json()
    assert {one["department"] for one in said["departments"]} <= {"justice"}
    figure = next(one for one in said["figures"] if one["indicator"] == "promised_limit_compression")
    assert (figure["before"]["denominator"], figure["after"]["denominator"]) == (60, 60), "of its three items"
    items = justice.get("/v1/items", region=COUNTY, department="justice").json()
    assert [one["item_code"] for one in items["items"]] == CODES[:3]
    assert justice.get("/v1/items", region=COUNTY).status_code == 403
    kept = {"region": str(COUNTY), "effective_from": str(TODAY), "name": "压缩", "changes": [{"item_code": "i-0"}]}
    mine = justice.post("/v1/drafts", {**kept, **own}).json()["id"]
    others = bureau.post("/v1/drafts", {**kept, "department": "petitions", "changes": [{"item_code": "i-4"}]}).json()[
        "id"
    ]
    assert [one["id"] for one in justice.get("/v1/drafts", region=COUNTY, **own).json()["drafts"]] == [mine]
    assert [one["id"] for one in bureau.get("/v1/drafts", region=COUNTY).json()["drafts"]] == [others, mine]
    assert justice.get(f"/v1/drafts/{others}").status_code == 404
    assert justice.post(f"/v1/drafts/{mine}/import", {}).status_code == 403
    people.add("other-bureau", Grant("bureau", 222401))
    assert people.sign_in("other-bureau").get(f"/v1/drafts/{mine}").status_code == 404
    for role in ("hall", "leader", "operator"):
        assert asked(people.sign_in(role), [{"item_code": "i-0", "promised_days": 1}]).status_code == 403
    assert {line.claimed for line in people.lines("draft.save")} == {"王department (department)", "王bureau (bureau)"}


def test_a_draft_is_handed_on_imported_and_the_ratios_move_as_it_said(
    store: Store, store_url: str, vhost: Vhost, tmp_path: Path
) -> None:
    with peopled(store, store_url, vhost, tmp_path) as people:
        bureau, day = people.sign_in("bureau"), people.app.state.resources.today()
        events = [item(n, "2026-01-01", "justice") for n in range(6)]
        store.merge(decoded(events), people.clock.now)
        changes = [
            {"item_code": "i-0", "promised_days": 2, "settled": True, "commitment": True},
            {"item_code": "i-1", "handling": "instant"},
            {"item_code": "i-2", "statutory_days": 30, "promised_days": 30, "full_process": False},
        ]
        body = {"region": str(COUNTY), "effective_from": str(day), "name": "压缩 <b>", "changes": changes}
        draft = bureau.post("/v1/drafts", body).json()
        said = {one["indicator"]: one["after"] for one in draft["told"]["figures"]}
        handed = bureau.post(f"/v1/drafts/{draft['id']}/import", {})
        assert handed.status_code == 201, handed.text
        ready = settled(bureau, handed.json()["id"])
        assert (ready["state"], ready["told"]["rows"]) == ("ready", {"read": 3, "changed": 3}), ready
        assert ready["told"]["questions"] == []
        assert imported(bureau, ready["id"])["events"] == 3

        def now() -> dict[str, Any]:
            found = bureau.get("/v1/indicators", region=COUNTY, **{"from": "2026-01-01", "to": day}).json()[
                "indicators"
            ]
            return {one["id"]: {part: one[part] for part in ("numerator", "denominator", "value")} for one in found}

        wait_until(lambda: {name: now()[name] for name in said} == said)
        targets = {one["before"]["id"]: one["after"] for one in draft["told"]["targets"]}
        real = {one["id"]: one for one in bureau.get("/v1/targets", region=COUNTY, on=day).json()["targets"]}
        for name in ("promised_limit", "instant_items", "settled_items"):
            assert [real[name][part] for part in ("value", "gap", "state", "forecast")] == [
                targets[name][part] for part in ("value", "gap", "state", "forecast")
            ]
        (listed,) = bureau.get("/v1/drafts", region=COUNTY).json()["drafts"]
        assert (listed["handed"], listed["upload"], listed["by"]) == (True, ready["id"], "王bureau (bureau)")
        table = table_of(WhatIfIn(str(COUNTY), None, day, [ItemChange("i-9", promised_days=1)])).decode("utf-8-sig")
        found = uploaded(bureau, table.replace("i-9", "i-0").encode(), kind="catalogue", name="草稿.csv")
        by_file = bureau.post("/v1/whatif", {"region": str(COUNTY), "upload": found["id"]}).json()
        by_hand = asked(bureau, [{"item_code": "i-0", "promised_days": 1}], day).json()
        assert by_file == by_hand
