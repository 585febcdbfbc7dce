"""Every address asked as every role, person and program, of one's own and of others', against one declared table."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from litestar.params import QueryParameter
from litestar.testing import TestClient

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.ladder import Deed, MatterEntry, NewMatter, Rung, Wording
from hallpulse.plans import load_plans
from hallpulse.store import About, Draft, Grant, NewReport, NewUpload, ReportFile, Store, hash_of
from services.gateway.access_audit import MOST_SOUGHT
from services.gateway.app import API, create_app
from services.gateway.service_calls import Answer
from tests.gateway_ground import COUNTY, NOW, PLANS, READ_TOKEN, FakeClock, FakeStore, make_resources
from tests.integration.test_store import cloud_event, item
from tests.merging import decoded
from tests.peopled import OTHER_COUNTY, Peopled, Signed
from tests.rights import EVERYONE, NOBODY, OTHERS, OWN, PEOPLE, RIGHTS, Place, Right
from tests.rights import OPEN as OPEN_TO_ALL
from tests.supervising import DirectServices

pytestmark = pytest.mark.attack
TOKEN = {one: f"secret-of-the-{one.replace(' ', '-')}" for one in OWN} | {"read token": READ_TOKEN}
PLACES = sorted({*OWN.values(), *(place for places in OTHERS.values() for place in places)}, key=str)
NEVER = 987_654
"""A number that nothing has."""
HIDDEN = ("upload", "draft")
"""Things of which others are told that they are not there."""


def case_of(place: Place) -> str:
    return f"case-{place.region}-{place.department or 'none'}-{place.hall or 'none'}"


def event_of(place: Place) -> str:
    return f"event-{case_of(place)}"


def received(place: Place) -> dict[str, Any]:
    data = {"case_id": case_of(place), "item_code": "i", "department": place.department or "forestry"}
    source = f"/{place.region}/{place.hall or 'hall-3'}"
    return cloud_event("case.received", "2026-11-02T09:00:00", event_of(place), data | {"channel": "window"}, source)


def fill(store: Store, at: datetime) -> dict[str, dict[Place | str, int]]:
    """Something of every kind in every place, and an upload of everyone; kind → place or person → number."""
    for region, hall in {(p.region, p.hall or "hall-3") for p in PLACES}:
        store.halls.add(region, hall, ["case", "heartbeat"], hash_of(f"{region}/{hall}"))
    items = [item(5, "2026-01-01", f"v-{d}", item_code=f"of-{d}", department=d) for d in ("justice", "petitions")]
    store.merge(decoded([*items, *map(received, PLACES)]), at)
    told = MatterEntry(at, "王", Deed.OPENED, Rung.REMINDER, at.date(), Wording("请说明。", "Explain."))
    things: dict[str, dict[Place | str, int]] = {"matter": {}, "draft": {}, "report": {}, "upload": {}}
    for place in PLACES:
        region, department, hall = place
        subject = Wording("目标", "target")
        of = NewMatter(region, "finding", case_of(place), department or "forestry", subject)
        things["matter"][place] = store.matters.open(of, told)
        asked = {"region": str(region), "changes": [{"item_code": "of-justice", "promised_days": 3}]}
        things["draft"][place] = store.drafts.add(Draft(region, department, "d", "王", at, asked, {}))
        file = ReportFile("html", "r.html", "text/html", b"<p>")
        about = About(department, hall)
        kept = NewReport(region, "2026-03", "222424-2026", 0, {}, [file], about, "王")
        things["report"][place] = store.reports.keep(kept)
    for asker in EVERYONE:
        owner = asker if asker in PEOPLE else f"token {asker}"
        place, kind = OWN[asker], "figures" if OWN[asker].department else "cases"
        new = NewUpload(place.region, kind, place.hall or "hall-1", f"{asker}.csv", owner, owner, place.department)
        things["upload"][asker] = store.uploads.add(new, b"a,b", NOW)  # under work, so that nobody sends another
    return things


class SomeServices(DirectServices):
    """The services that keep matters and tasks; the others do not run."""

    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = 1.0, **kwargs: Any
    ) -> Answer:
        if (service, method) not in self._methods():
            raise Unavailable(f"{service} does not run")
        return super().ask(kind, service, method, *args, seconds=seconds, **kwargs)


@dataclass
class Asker:
    """Somebody who asks: signed in, with a token, or nobody."""

    name: str
    people: Peopled
    signed: Signed | None = None

    def ask(self, method: str, address: str, body: Any) -> Any:
        headers = {"accept": "application/json"}
        if self.name in PEOPLE:
            self.signed = self.signed or self.people.sign_in(self.name)
            headers |= {"cookie": self.signed.cookie, "x-csrf-token": self.signed.csrf}
        elif self.name != NOBODY:
            headers["authorization"] = f"Bearer {TOKEN[self.name]}"
        if method == "GET":
            return self.people.client.get(address, headers=headers)
        if address.startswith("/v1/uploads?"):
            headers["content-type"] = "application/octet-stream"
            return self.people.client.post(address, content=b"a,b", headers=headers)
        answer = self.people.client.post(address, json=body, headers=headers)
        if address == "/v1/session/end":
            self.signed = None
        return answer


@dataclass
class Ground:
    people: Peopled
    things: Mapping[str, Mapping[Place | str, int]]

    def __post_init__(self) -> None:
        self.askers = {name: Asker(name, self.people) for name in (*EVERYONE, NOBODY)}

    def question(self, route: str, right: Right, place: Place, number: int | None = None) -> tuple[str, Any]:
        """The address and the body with which a route is asked about a place, and about a thing by its number."""
        path = route.partition(" ")[2]
        body = right.body(place) if right.body is not None else None
        if path.startswith("/v1/cases/"):
            hall = place.hall or "hall-3"
            return f"/v1/cases/{place.region}/{hall}/{case_of(place) if number is None else number}", body
        if path.startswith("/v1/events/"):
            return f"/v1/events/{event_of(place) if number is None else number}", body
        path = path.replace("{target_id:str}", "monthly_report")  # it binds every department of the plan
        if "{" in path:
            query = urlencode(right.query)
            address = f"{path.partition('{')[0]}{number}{path.partition('}')[2]}"
            return f"{address}?{query}" if query else address, body
        if right.thing:
            return path, {**(body or {}), right.thing: number}
        known = _parameters(route)
        given = {name: value for name, value in place._asdict().items() if name in known and value is not None}
        if path == "/v1/uploads" and route.startswith("POST"):
            given |= {"kind": "figures"} if place.department else {"kind": "cases", "hall": place.hall or "hall-3"}
        query = urlencode({**right.query, **given})
        return f"{path}?{query}" if query else path, body

    def number(self, right: Right, whose: Place | str) -> int | None:
        of_kind = self.things.get(right.thing)
        return None if of_kind is None else of_kind[whose]

    def ask(self, asker: str, route: str, question: tuple[str, Any]) -> int:
        address, body = question
        status: int = self.askers[asker].ask(route.partition(" ")[0], address, body).status_code
        return status


def _parameters(route: str) -> set[str]:
    handler = next(one for one in API if route in _routes(one))
    fields = (field.kwarg_definition for field in handler.parsed_fn_signature.parameters.values())
    return {one.name for one in fields if isinstance(one, QueryParameter) and one.name}


def _routes(handler: Any) -> set[str]:
    methods = {str(method) for method in handler.http_methods} - {"OPTIONS", "HEAD"}
    return {f"{method} {path}" for method in methods for path in handler.paths}


@pytest.fixture
def ground(store: Store) -> Iterator[Ground]:
    store.judge_by(load_plans(PLANS))
    clock = FakeClock()
    things = fill(store, datetime(2026, 11, 20, tzinfo=UTC))
    people = Peopled(store, clock, services=SomeServices(store, clock))
    for name in ("bureau token", "department token"):
        place = OWN[name]
        grant = Grant(name.partition(" ")[0], place.region, department=place.department)
        assert store.tokens.add(name, hash_of(TOKEN[name]), grant)
    TOKEN["hall token"] = f"{COUNTY}/hall-1"
    with people.client:
        yield Ground(people, things)


def as_told(route: str) -> str:
    """A route as the audit names it."""
    return re.sub(r":\w+}", "}", route)


def whose_upload(asker: str) -> str:
    return asker if asker in EVERYONE else "bureau"


def refusals(ground: Ground) -> Counter[str]:
    """How many refusals are in the audit's count, by status and role."""
    registry = ground.people.app.state.resources.registry
    found: Counter[str] = Counter()
    for family in registry.collect():
        for sample in family.samples:
            if sample.name == "hallpulse_gateway_denied_total":
                found[sample.labels["status"]] += int(sample.value)
    return found


def told_lines(ground: Ground) -> set[tuple[str, str, int]]:
    """Person or token, method with address, and status of each refusal that the audit has a line of."""
    return {
        (line.entry.subject.partition(" ")[2], str(line.entry.detail["what"]), int(line.entry.detail["status"]))
        for line in ground.people.lines("access.denied")
        if "what" in line.entry.detail
    }


def is_refusal(right: Right, status: int) -> bool:
    """Whether an answer refuses something; what is said not to be there, where it may be another's, is refused too."""
    return status in (401, 403) or (status == 404 and right.thing in HIDDEN)


def expected_lines(refused: Sequence[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
    """The refusals that have a line each: all of people, and of tokens those that do not tell whose a thing is."""
    return {one for one in refused if one[0] in PEOPLE or one[2] == 404}


def test_every_route_of_the_application_is_in_the_table_with_its_action() -> None:
    """A new route fails here until tests/rights.py says who may ask it."""
    table = create_app(make_resources(FakeStore())).route_handler_method_map
    asked = {
        f"{method} {path}": getattr(handler.opt.get("action"), "name", "")
        for path, methods in table.items()
        for method, handler in methods.items()
        if method not in ("OPTIONS", "HEAD")
    }
    assert asked == {route: right.action for route, right in RIGHTS.items()} | dict.fromkeys(OPEN_TO_ALL, "")


def test_each_role_does_at_every_address_what_the_table_says_and_nothing_else(ground: Ground) -> None:
    wrong: list[str] = []
    refused: list[tuple[str, str, int]] = []
    for route, right in RIGHTS.items():
        for asker in (*EVERYONE, NOBODY):
            place = OWN[asker]
            number = ground.number(right, whose_upload(asker) if right.thing == "upload" else place)
            status = ground.ask(asker, route, ground.question(route, right, place, number))
            expected: Sequence[int] = right.done if asker in right.may else (401,) if asker == NOBODY else (403,)
            if status not in expected:
                wrong.append(f"{asker}: {route}: expected {expected}, got {status}")
            if status in (401, 403):
                refused.append((asker, as_told(route), status))
    assert not wrong, "\n".join(wrong)
    assert refusals(ground) == Counter(str(status) for *_, status in refused)
    assert told_lines(ground) == expected_lines(refused)


def test_nothing_of_others_is_reached_by_a_region_a_name_or_a_number(ground: Ground) -> None:
    wrong: list[str] = []
    refused: list[tuple[str, str, int]] = []
    asked = 0
    for route, right in RIGHTS.items():
        if right.others is None:
            continue
        for asker in (one for one in EVERYONE if one in right.may):
            own = ground.question(route, right, OWN[asker], ground.number(right, asker_or_place(right, asker)))
            for place in OTHERS[asker]:
                whose = next(one for one in EVERYONE if one != asker) if right.thing == "upload" else place
                question = ground.question(route, right, place, ground.number(right, whose))
                if question == own:
                    continue
                asked += 1
                status = ground.ask(asker, route, question)
                if status not in right.others:
                    wrong.append(f"{asker}: {route} {question}: expected {right.others}, got {status}")
                if is_refusal(right, status):
                    refused.append((asker, as_told(route), status))
    assert not wrong, "\n".join(wrong)
    assert asked > 150
    assert refusals(ground) == Counter(str(status) for *_, status in refused)
    assert told_lines(ground) == expected_lines(refused)
    sent = {message.routing_key.rpartition(".")[2] for message in ground.people.publisher.delivered}
    assert sent <= {"denied"}, "what a hall sent for another goes where refused events go"


def asker_or_place(right: Right, asker: str) -> Place | str:
    return asker if right.thing == "upload" else OWN[asker]


def test_whose_a_number_is_not_learns_no_department_and_no_hall(ground: Ground) -> None:
    """What is another's is answered as what never was, to the last letter."""
    for route, right in RIGHTS.items():
        for asker in ("department", "department token", "hall", "hall token"):
            if not right.thing or asker not in right.may:
                continue
            method = route.partition(" ")[0]
            for place in OTHERS[asker]:
                whose = "bureau" if right.thing == "upload" else place
                questions = [
                    ground.question(route, right, place, number) for number in (ground.number(right, whose), NEVER)
                ]
                answers = [ground.askers[asker].ask(method, *one) for one in questions]
                assert answers[0].status_code == answers[1].status_code, (asker, route, questions)
                number = ground.number(right, whose)
                numbers = {"case": case_of(place), "event": event_of(place)}.get(right.thing, number), NEVER
                said = [
                    re.sub(rf"\b{number}\b", "N", str(answer.json()["detail"]))
                    for answer, number in zip(answers, numbers, strict=True)
                ]
                assert said[0] == said[1], (asker, route)


def test_who_asks_for_anothers_upload_or_draft_is_in_the_audit_as_who_asks_for_none(ground: Ground) -> None:
    """The lines tell whose it is to who reads the database, and to nobody over HTTP: the asker may read the audit."""
    signed = ground.people.sign_in("bureau")
    theirs = {"upload": ground.things["upload"]["hall"], "draft": ground.things["draft"][Place(OTHER_COUNTY)]}
    for thing, number in theirs.items():
        for asked in (number, NEVER, number):
            assert signed.get(f"/v1/{thing}s/{asked}").status_code == 404
    never = {"region": str(COUNTY), "upload": NEVER}
    assert signed.post("/v1/whatif", never | {"upload": theirs["upload"]}).status_code == 404
    assert signed.post("/v1/whatif", never).status_code == 404
    found = [
        (
            line.claimed,
            line.entry.region,
            line.entry.detail["what"],
            line.entry.detail["sought"],
            line.entry.detail["whose"],
        )
        for line in ground.people.lines("access.denied")
    ]
    by, upload, draft = ("王bureau (bureau)", COUNTY), "GET /v1/uploads/{upload_id}", "GET /v1/drafts/{draft_id}"
    assert found == [
        (*by, upload, f"upload {theirs['upload']}", "hall"),
        (*by, upload, f"upload {NEVER}", ""),
        (*by, draft, f"draft {theirs['draft']}", f"{OTHER_COUNTY}/"),
        (*by, draft, f"draft {NEVER}", ""),
        (*by, "POST /v1/whatif", f"upload {theirs['upload']}", "hall"),
        (*by, "POST /v1/whatif", f"upload {NEVER}", ""),
    ]
    read = signed.get("/v1/audit", region=str(COUNTY), action="access").json()["entries"]
    for thing, number in theirs.items():
        shown = [
            {**one, "line": 0, "at": ""}
            for one in read
            if one["said"].endswith((f"{thing} {number}", f"{thing} {NEVER}"))
        ]
        alike = {json.dumps(one).replace(f"{thing} {number}", f"{thing} {NEVER}") for one in shown}
        assert len(alike) == len({one["said"].partition(" · ")[0] for one in shown}), alike


def test_who_tries_number_after_number_fills_no_audit(ground: Ground) -> None:
    signed = ground.people.sign_in("department")
    for number in range(NEVER, NEVER + MOST_SOUGHT + 20):
        assert signed.get(f"/v1/uploads/{number}").status_code == 404
    lines = [one.entry.detail for one in ground.people.lines("access.denied") if "sought" in one.entry.detail]
    assert len(lines) == MOST_SOUGHT + 1
    assert lines[-1]["sought"] == "*"


def test_what_is_open_to_everyone_is_answered_without_a_sign_in() -> None:
    way = {"POST /v1/session", "GET /v1/session/provider", "GET /v1/session/callback"}
    with TestClient(create_app(make_resources(FakeStore()))) as client:
        for route in sorted(OPEN_TO_ALL - way):
            path = route.partition(" ")[2]
            name = "main.js" if "page" in path else "hall.heartbeat.v1.json"
            assert client.get(path.replace("{name:str}", name)).status_code == 200, path
