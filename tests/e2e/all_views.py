"""A county in which every free field holds a text that would run if it were taken for markup, and every view of it.

`PLANTED` says into which fields texts are put here, `CLOSED` of which fields the values are checked or kept from sight.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import msgspec
from openpyxl import Workbook

from hallpulse.calendars import load_overrides, national_calendar
from hallpulse.domain.errors import Unavailable
from hallpulse.domain.plan import Plan
from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from hallpulse.store import Grant, Store, migrate, open_store
from services.catalogue.upload_work import worked
from services.gateway.service_calls import Answer
from services.reports.issuing import MonthlyReports, Order
from tests.e2e.test_page import CALENDARS
from tests.gateway_ground import COUNTY, PLANS, FakeClock
from tests.integration.test_store import cloud_event
from tests.merging import decoded
from tests.peopled import Peopled, Signed, StoringPublisher
from tests.script_texts import KINDS, planted, text
from tests.supervising import DirectServices

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
FINGERPRINT = "f1"
FIELDS: Sequence[str] = (
    "event: data.case_id", "event: data.item_code", "event: data.department", "event: data.name",
    "event: data.reason", "event: id", "hall: name", "account: name", "account: person",
    "POST /v1/figures: figures[].note", "POST /v1/reviews: reason", "POST /v1/matters: reason",
    "POST /v1/matters/answer: cause", "POST /v1/matters/answer: measures", "POST /v1/matters/decide: reason",
    "POST /v1/tasks: evidence", "POST /v1/alerts/note: text", "POST /v1/alerts/silence: reason",
    "POST /v1/drafts: name", "POST /v1/uploads: ?name", "file: sheet", "file: head", "file: cell",
    "alert: summary", "alert: description", "provider: name",
    "plan: departments[].names", "plan: indicators[].names", "plan: names", "plan: note", "plan: phases[].names",
    "plan: region_names", "plan: targets[].names", "plan: tasks[].evidence", "plan: tasks[].name",
    "plan: letter.to", "plan: letter.issuer", "plan: letter.copies[]", "profile: name",
)  # fmt: skip
"""The fields that hold texts here; a text names its field by its place in this list."""
NUMBERS = {name: number for number, name in enumerate(FIELDS)}
_OF_THE_PLAN, _ONE_OF_OURS = "a code of the plan, else refused", "what is there already, else refused"
_READING = "how a source's tables are read: checked, or compared with what stands in them; never shown"
_REGION, _KEPT = "a county's code, else refused", "kept, and shown by no view and no file"
CLOSED: Mapping[str, str] = {
    **{f"POST /v1/{path}: region": _REGION for path in (
        "alerts/acknowledge", "alerts/note", "alerts/silence", "alerts/unsilence", "drafts", "figures", "matters",
        "reviews", "tasks", "whatif")},
    **{f"POST /v1/{path}: department": _OF_THE_PLAN for path in (
        "drafts", "figures", "matters", "reports", "reviews", "tasks", "whatif")},
    **{f"POST /v1/{path}: changes[].item_code": _ONE_OF_OURS for path in ("drafts", "whatif")},
    "POST /v1/figures: figures[].indicator": _OF_THE_PLAN, "POST /v1/reviews: indicators[]": _OF_THE_PLAN,
    "POST /v1/figures: period": "a period, else refused", "POST /v1/reviews: month": "a month, else refused",
    "POST /v1/reports: month": "a month, else refused", "POST /v1/reports: hall": _ONE_OF_OURS,
    "POST /v1/matters: subject": _ONE_OF_OURS, "POST /v1/uploads/{upload_id}/answers: answers*": _ONE_OF_OURS,
    **{f"POST /v1/session{path}": "never shown" for path in (
        ": name", ": password", "/password: old", "/password: new")},
    **dict.fromkeys(("event: data.corrects", "event: data.event_id"), "the id of an event"),
    **{f"profile: {name}": _READING for name in (
        "answers*", "columns*[]", "constant*", "days_until*", "departments*", "ignore[]", "joined*[]", "letters*",
        "recognise[]", "same_column*", "same_time*", "unit_codes*", "units*", "words**")},
    **{f"event: {name}": _KEPT for name in (
        "data.basic_code", "*", "dataschema", "subject", "traceparent", "tracestate")},
}  # fmt: skip
"""Field → why no text stands in it."""


def told(name: str, kind: str, most: int = 64) -> str:
    return text(NUMBERS[name], kind, most)


class Alerts:
    """One alert and what people said of it, as the `notices` service keeps them."""

    def __init__(self) -> None:
        self.notes: list[dict[str, str]] = []
        self.silences: list[dict[str, Any]] = []

    def fires(self) -> dict[str, Any]:
        said = {name: told(f"alert: {name}", kind, 400) for name, kind in (("summary", "i"), ("description", "s"))}
        one = {
            "region": str(COUNTY), "fingerprint": FINGERPRINT, "alert": "TargetMissed", "severity": "warning",
            "labels": {"target": "settled_items"}, "annotations": said, "started": "2026-11-20T09:00:00+08:00",
            "receivers": ["bureau"], "silenced": False, "acknowledged": None, "acknowledged_by": None,
            "notes": self.notes, "silences": self.silences,
        }  # fmt: skip
        others = {"f2": [], "f3": [{"by": "王", "reason": "x", "until": "2026-12-01T00:00:00+08:00", "own": True}]}
        bare = [{**one, "fingerprint": name, "silences": own, "notes": []} for name, own in others.items()]
        return {"alerts": [one, *bare]}

    def note(self, region: int, fingerprint: str, said: str, by: str) -> None:
        del region, fingerprint
        self.notes.append({"at": "2026-11-21T09:00:00+08:00", "by": by, "text": said})

    def silence(self, region: int, fingerprint: str, reason: str, hours: float, by: str) -> str:
        del region, fingerprint, hours
        until = "2026-12-01T00:00:00+08:00"
        self.silences.append({"by": by, "reason": reason, "until": until, "own": False})
        return until


@dataclass
class AllServices(DirectServices):
    """The services behind the gateway, without a broker; the catalogue's work is called where it is asked for."""

    plans: Sequence[Plan] = ()
    alerts: Alerts = field(default_factory=Alerts)
    reading: bool = False

    def ask(
        self, kind: type[Answer], service: str, method: str, /, *args: Any, seconds: float = 1.0, **kwargs: Any
    ) -> Answer:
        if service == "catalogue" and method in ("read_upload", "import_upload"):
            return msgspec.convert(None, kind)
        if (service, method) not in self._methods():
            raise Unavailable(f"{service} does not run")
        return super().ask(kind, service, method, *args, seconds=seconds, **kwargs)

    def _methods(self) -> dict[tuple[str, str], Any]:
        said = {name: getattr(self.alerts, name) for name in ("fires", "note", "silence")}
        return super()._methods() | {("notices", name): one for name, one in said.items()} | {
            ("reports", "keep"): self._keep
        }  # fmt: skip

    def _keep(self, order: dict[str, Any], publisher: str) -> int:
        reports = MonthlyReports(self.store, self.plans, NOW.timestamp)
        given = Order(order["region"], order["month"], order.get("department"), language=order["language"])
        return reports.keep(given, publisher=publisher, draft=not order["publish"])


class NamedProvider:
    """A provider of sign-ins of which only the name is asked."""

    names = (told("provider: name", "i"), told("provider: name", "s"))

    def sign_out_address(self) -> None:
        return None


def events(kind: str) -> list[dict[str, Any]]:
    """Return an item and its cases: open, decided and badly rated, rejected, retracted; all late."""
    code, case_id, number = (told(f"event: {one}", kind, 60) for one in ("data.item_code", "data.case_id", "id"))
    name, reason = told("event: data.name", kind, 300), told("event: data.reason", kind, 500)
    version = {
        "item_code": code, "name": name, "department": "justice", "kind": "licensing", "handling": "promised",
        "statutory_days": 20, "promised_days": 5, "settled": kind in "ij", "effective_from": "2026-01-01",
    }  # fmt: skip
    found = [cloud_event("item.published", "2026-01-02T09:00:00", f"{number}1", version)]

    def case(id_: str, mark: str, department: str, *steps: tuple[str, str, dict[str, Any]]) -> None:
        data = {"case_id": id_, "item_code": code, "department": department, "channel": "window", "promised_days": 1}
        found.append(cloud_event("case.received", "2026-11-02T09:00:00", f"{number}{mark}r", data))
        found.extend(
            cloud_event(f"case.{what}", f"{at}:00", f"{number}{mark}{n}", {"case_id": id_, **more})
            for n, (what, at, more) in enumerate(steps)
        )

    accepted: tuple[str, str, dict[str, Any]] = ("accepted", "2026-11-02T10:00", {})
    case(case_id, "o", "justice", accepted, ("suspended", "2026-11-03T09:00", {"procedure": "hearing"}),
         ("resumed", "2026-11-04T09:00", {}))  # fmt: skip
    case(f"d{case_id}", "d", told("event: data.department", kind), accepted)
    case(f"r{case_id}", "x", "justice", ("rejected", "2026-11-03T09:00", {"reason": reason}))
    case(f"b{case_id}", "b", "justice", accepted, ("decided", "2026-11-05T09:00", {"outcome": "granted"}),
         ("rated", "2026-11-05T09:00", {"score": 1}))  # fmt: skip
    retracted = {"case_id": case_id, "event_id": f"{number}o1", "reason": reason}
    found.append(cloud_event("case.retracted", "2026-11-06T09:00:00", f"{number}z", retracted))
    return found


@dataclass
class Planted:
    """The county, its people by role, and numbers of what was made: kind of thing → numbers."""

    people: Peopled
    store: Store
    services: AllServices
    accounts: Mapping[str, str]
    made: dict[str, list[int]] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)

    def posted(self, who: Signed, route: str, body: dict[str, Any], name: str, kind: str) -> Any:
        """Post a body with a text; what the gateway refuses to take is remembered."""
        answer = who.post(route, body)
        assert answer.status_code < 500, (route, answer.text)
        if answer.status_code >= 400:
            assert answer.status_code == 422, (route, name, kind, answer.text)
            self.refused.add((name, kind))
            return None
        return answer.json()

    def wrote(self, who: Signed, route: str, body: dict[str, Any], said: str) -> Any:
        """Post a body with a text. said: the field, the kind of the text, and how long it may be."""
        name, kind, most = said.split()
        whole = f"POST {route}: {name}"
        return self.posted(who, route, {**body, name: told(whole, kind, int(most))}, whole, kind)


def write_texts(ground: Planted) -> None:
    """Have the people write texts wherever they may."""
    bureau, justice = (ground.people.sign_in(ground.accounts[role]) for role in ("bureau", "department"))
    region = {"region": str(COUNTY)}
    of_justice = {**region, "department": "justice"}
    alert = {**region, "fingerprint": FINGERPRINT}
    changes = [{"item_code": told("event: data.item_code", "i", 60), "promised_days": 3}]
    figure = {"indicator": "review_then_win", "numerator": 4, "denominator": 4}
    for number, kind in enumerate(KINDS, 1):
        month = f"2026-0{number}"
        note = told("POST /v1/figures: figures[].note", kind, 2000)
        said = of_justice | {"period": month, "figures": [{**figure, "note": note}]}
        ground.posted(justice, "/v1/figures", said, "POST /v1/figures: figures[].note", kind)
        ground.wrote(bureau, "/v1/reviews", of_justice | {"month": month, "verdict": "returned"}, f"reason {kind} 500")
        ground.wrote(justice, "/v1/tasks", of_justice | {"task": "14", "state": "done"}, f"evidence {kind} 2000")
        ground.wrote(bureau, "/v1/alerts/note", alert, f"text {kind} 500")
        ground.wrote(bureau, "/v1/alerts/silence", alert | {"hours": 5}, f"reason {kind} 500")
        draft = ground.wrote(bureau, "/v1/drafts", region | {"changes": changes}, f"name {kind} 100")
        ground.made.setdefault("draft", []).extend([draft["id"]] if draft else [])
        supervise(ground, bureau, justice, kind)
        upload = bureau.upload(
            b"no table", name=told("POST /v1/uploads: ?name", kind, 200), region=COUNTY, kind="catalogue"
        )
        assert upload.status_code == 201, upload.text
        ground.made.setdefault("upload", []).append(upload.json()["id"])
        why = {"state": "unreadable", "why_zh": "不是表格", "why_en": "no table"}
        ground.store.uploads.tell(upload.json()["id"], NOW, **why)


def supervise(ground: Planted, bureau: Signed, justice: Signed, kind: str) -> None:
    """Open a matter on a case, answer it and return it, each with texts."""
    subject = f"hall-1/{told('event: data.case_id', kind, 60)}"
    asked = {"region": str(COUNTY), "about": "case", "subject": subject, "department": "justice"}
    matter = ground.wrote(bureau, "/v1/matters", asked, f"reason {kind} 2000")
    matter = matter or ground.posted(bureau, "/v1/matters", asked, "event: data.case_id", kind)
    if matter is None:
        return
    number = {"matter": matter["matter"]}
    ground.made.setdefault("matter", []).append(matter["matter"])
    usual = {"cause": "迟", "measures": "改", "done_by": "2026-12-20"}
    for name, verdict in (("cause", "raised"), ("measures", "returned")):  # up to criticism, whose sheet names copies
        if ground.wrote(justice, "/v1/matters/answer", number | usual, f"{name} {kind} 2000"):
            ground.wrote(bureau, "/v1/matters/decide", number | {"verdict": verdict}, f"reason {kind} 2000")


def read_a_table(ground: Planted, folder: Path, settings: Settings) -> None:
    """Upload a table with texts in its sheet's name, heads and cells, and have it read as the service reads it.

    The profile by which it is read has texts as its names.
    """
    bureau = ground.people.sign_in(ground.accounts["bureau"])
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = told("file: sheet", "t", 31)
    heads = ["实施编码", "事项名称", "部门", "办件类型", "法定办结时限", "承诺办结时限", "是否进驻大厅", "生效日期"]
    sheet.append([*heads, *(told("file: head", kind, 100) for kind in KINDS)])
    for kind in KINDS:
        bad = told("file: cell", kind, 200)
        row = [f"new-{kind}", bad, "公安局", bad, "20", "5", bad, "2026-01-01"]
        sheet.append(row)
        for cell in sheet[sheet.max_row]:
            cell.data_type = "s"  # a formula's text, not a formula
    path = folder / "table.xlsx"
    book.save(path)
    answer = bureau.upload(path.read_bytes(), name="table.xlsx", region=COUNTY, kind="catalogue")
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    upload = ground.store.uploads.get(number, NOW)
    assert upload is not None
    names = {"zh": told("profile: name", "i", 200), "en": told("profile: name", "b", 200)}
    profile = {"name": names, "kind": "catalogue", "recognise": ["实施编码", "事项名称"]}
    (folder / "texts.yaml").write_bytes(msgspec.json.encode(profile))  # JSON is YAML, with its signs escaped or not
    with patch.dict(os.environ, HALLPULSE_PROFILES=str(folder)):
        ground.store.uploads.tell(number, NOW, **worked(upload, folder, settings, ground.store))
    ground.made["upload"].append(number)


@contextlib.contextmanager
def planted_county(url: str) -> Iterator[Planted]:
    """The whole county, with real texts in all of its fields."""
    migrate(url)
    plans = [planted(one, NUMBERS) for one in load_plans(PLANS) if one.id == "222424-2026"]
    store = open_store(url, plans=plans)
    try:
        store.apply_calendars([national_calendar(), *load_overrides(CALENDARS)])
        store.judge_by(plans)
        store.halls.add(COUNTY, "hall-1", ["case", "item"], "h" * 64, told("hall: name", "i"), told("hall: name", "s"))
        for kind in KINDS:
            store.merge(decoded(events(kind)), NOW)
        clock = FakeClock(NOW, time.monotonic())
        services = AllServices(store, clock, plans=plans)
        publisher = StoringPublisher(store=store, clock=clock)
        people = Peopled(store, clock, publisher, services, NamedProvider(), plans)
        yield Planted(people, store, services, _accounts(people))
    finally:
        store.close()


def _accounts(people: Peopled) -> dict[str, str]:
    """Add a person of each role whose account and name are texts; return role → account."""
    roles = {
        "bureau": Grant("bureau", COUNTY), "department": Grant("department", COUNTY, department="justice"),
        "hall": Grant("hall", COUNTY, hall="hall-1"), "leader": Grant("leader", COUNTY), "operator": Grant("operator"),
    }  # fmt: skip
    found = {}
    for kind, (role, grant) in zip("isjtf", roles.items(), strict=True):
        found[role] = told("account: name", kind)
        people.add(found[role], grant, told("account: person", kind))
    return found


def case_address(kind: str) -> str:
    return f"#/case/{COUNTY}/hall-1/{quote(told('event: data.case_id', kind, 60), safe='')}"
