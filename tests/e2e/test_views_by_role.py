"""Every view of the page opened as every role, in a county whose every free field holds a script: none runs.

What a role may not see says so in words, every button that it sees is one that it may use, and what was refused to it
is in the audit under its account.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser

from hallpulse.display import TURNS
from hallpulse.domain.integrity import CHECKS
from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from services.gateway.app import handlers
from services.gateway.document import document
from tests import browser
from tests.e2e.all_views import (
    CLOSED,
    FIELDS,
    Planted,
    case_address,
    planted_county,
    read_a_table,
    write_texts,
)
from tests.e2e.walking import PRESS, Walker, chromium, marks_in, raw_words, walker
from tests.gateway_ground import COUNTY, PLANS, serving
from tests.ingesting import wait_until
from tests.rights import PEOPLE, RIGHTS
from tests.script_texts import (
    KINDS,
    fields_of_a_plan,
    fields_of_a_profile,
    fields_of_events,
    fields_of_requests,
    parameters_of_addresses,
    views_of_the_page,
)
from tests.servers import PostgresServer

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(browser.program() is None, reason=f"none of {', '.join(browser.PROGRAMS)} is installed"),
]
LIST = f"#/list?region={COUNTY}"
MOST = 6
"""Addresses of a view that others than the bureau open."""
PRESSED = 3
"""Addresses of a view whose buttons are pressed."""
TARGET = "targetpage" if "targetpage" in views_of_the_page() else "target"
WORD = {"behind": "list", TARGET: "target"}
"""File of the page → the word of its addresses, where that is another."""
IN_FILES = {"plan: letter.to", "plan: letter.issuer", "plan: letter.copies[]", "plan: note"}
"""Fields that are shown in reports alone."""
FILES: Mapping[str, Mapping[str, str]] = {
    "/v1/alerts": {}, "/v1/cases": {"state": "overdue"}, "/v1/departments": {}, "/v1/figures": {}, "/v1/items": {},
    "/v1/integrity": {"check": "limits_changed_after"}, "/v1/matters": {}, "/v1/targets": {}, "/v1/tasks": {},
    "/v1/uploads": {}, "/v1/series": {"indicator": "due_kept_rate"},
    "/v1/targets/{target_id}/split": {"by": "item"},
}  # fmt: skip
"""Address of a list that comes as a file too → the question."""
YEAR = "from=2026-01-01&to=2026-11-24"


@dataclass
class Walked:
    """The county, its address, and what was seen in it: the texts, by role."""

    county: Planted
    address: str
    started: Browser
    seen: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    seen_outside: set[tuple[int, str]] = field(default_factory=set)

    def signed_in(self, role: str) -> Walker:
        self.county.people.clock.seconds += 1  # as many sign-ins as one likes in a second is another test
        found = walker(self.started, self.address)
        found.sign_in(self.county.accounts[role])
        return found


@pytest.fixture(scope="module")
def walked(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("uploads")
    with postgres.fresh_database() as url, planted_county(url) as county:
        write_texts(county)
        read_a_table(county, folder, Settings("amqp://none", url, plans=PLANS))
        with serving(county.people.app.state.resources) as port, chromium() as started:
            yield Walked(county, f"http://127.0.0.1:{port}", started)


def addresses(county: Planted) -> Mapping[str, list[str]]:
    """File of the page → its addresses, the shortest first; a file that is not named here fails a test."""
    matters, drafts, uploads = (county.made[kind] for kind in ("matter", "draft", "upload"))
    known = {
        "alerts": ["#/alerts"],
        "audit": ["#/audit", "#/audit?action=session", "#/audit?action=access"],
        "behind": [
            f"{LIST}&state=overdue&columns=case_id,item,department,hall,state,due,elapsed,card",
            f"{LIST}&indicator=settled_item_share&part=denominator&{YEAR}",
            f"{LIST}&indicator=acceptance_rate&part=denominator&{YEAR}",
            f"{LIST}&indicator=review_then_win&part=denominator&{YEAR}",
        ],
        "case": [*map(case_address, KINDS), f"#/case/{COUNTY}/hall-1/none"],
        "check": [*(f"#/check/{one.id}" for one in CHECKS), "#/check/none"],
        "compare": ["#/compare"],
        "departments": ["#/departments"],
        "form": ["#/form/justice/2026-01", "#/form/petitions/2026-01"],
        "heat": ["#/heat"],
        "matters": [
            "#/matters", "#/matters/all", *(f"#/matters/{one}" for one in matters), "#/matters/987654",
            "#/matters/new?about=target&subject=settled_items",
        ],
        "outstanding": ["#/outstanding"],
        "ratings": ["#/ratings"],
        "reports": ["#/reports"],
        TARGET: ["#/target/settled_items", "#/target/review_then_win", "#/target/monthly_report", "#/targets"],
        "tasks": ["#/tasks"],
        "trends": ["#/trends"],
        "upload": ["#/upload", f"#/upload/{uploads[0]}", f"#/upload/{uploads[-1]}", "#/upload/987654"],
        "whatif": ["#/whatif", *(f"#/whatif/{one}" for one in drafts[:2]), "#/whatif/987654"],
    }  # fmt: skip
    return {view: listed for view, listed in known.items() if view in views_of_the_page()}


def test_every_free_field_of_the_application_holds_a_text_or_says_why_not() -> None:
    """A new field of a request, event, plan or profile fails here until it is filled in all_views.py."""
    plan = next(one for one in load_plans(PLANS) if one.id == "222424-2026")
    free = fields_of_requests() | fields_of_events() | fields_of_a_plan(plan) | fields_of_a_profile()
    assert free - set(FIELDS) - set(CLOSED) == set(), "neither filled nor said why not"
    assert set(CLOSED) - free == set(), "told of, and no field any more"
    assert not set(CLOSED) & set(FIELDS)


def test_every_view_of_the_page_has_an_address_here(walked: Walked) -> None:
    assert views_of_the_page() <= set(addresses(walked.county))


@pytest.mark.parametrize("role", PEOPLE)
def test_no_text_is_more_than_text_in_any_view_and_what_is_not_for_a_role_says_so(walked: Walked, role: str) -> None:
    person = walked.signed_in(role)
    seen = walked.seen.setdefault(role, set())
    wrong: list[str] = []
    most = None if role == "bureau" else MOST
    for view in ("#/", *(one for listed in addresses(walked.county).values() for one in listed[:most])):
        person.go(view)
        faults, text = person.look()
        seen |= marks_in(text)
        words = person.words()
        silent = ["an empty view"] if len(words.strip()) < 4 else []
        wrong += [f"{view}: {one}" for one in (*faults, *silent, *raw_words(words))]
    assert not wrong, "\n".join(wrong)
    refused = {f"{method} {route_of(method, path)}" for _, method, path in person.refusals}
    wait_until(lambda: refused <= told_of(walked, role))
    person.page.context.close()


def told_of(walked: Walked, role: str) -> set[str]:
    """Return the addresses of which the audit says that they were refused to a role's person; the gateway writes it."""
    lines = walked.county.store.audit.list(action="access.denied", limit=1000)
    whose = f"person {walked.county.accounts[role]}"
    return {str(one.entry.detail["what"]) for one in lines if one.entry.subject == whose}


def test_signs_that_turn_the_order_of_a_text_are_refused_where_people_write(walked: Walked) -> None:
    """A file's name and a figure's note come with files and events too: there they are text, shown apart."""
    written = {one for one in FIELDS if one.startswith("POST") and "?name" not in one and "note" not in one.split()[-1]}
    unreached = {f"POST /v1/matters/{one}" for one in ("answer: cause", "answer: measures", "decide: reason")}
    assert {(one, "b") for one in written - unreached} <= walked.county.refused


def test_what_an_address_says_is_never_more_than_text(walked: Walked) -> None:
    """Reflected: every parameter that the page reads, in every view, and every part of the path."""
    person, wrong = walked.signed_in("bureau"), []
    said = quote("".join(one for kind, one in KINDS.items() if kind != "w"), safe="")
    for view, listed in addresses(walked.county).items():
        path, _, query = listed[0].partition("?")
        query = "&".join(f"{name}={said}" for name in sorted(parameters_of_addresses() - {"region", "upload"}))
        for address in (f"{path}?{query}", f"{path}/{said}", f"#/{WORD.get(view, view)}/{said}/{said}?region={said}"):
            person.go(f"{address}%", drawn=False)
            faults, _ = person.look()
            wrong += [f"{address[:60]}: {one}" for one in faults]
    ways = ("?text=", "refused/not-linked?subject=", "refused/", "signed-in/", "token=")
    for address in (f"#/{way}{said}" for way in ways):
        stranger = walker(walked.started, walked.address)
        stranger.page.goto(f"{walked.address}/{address}")
        stranger.page.locator("#board > *").first.wait_for()
        faults, text = stranger.look()
        walked.seen_outside |= marks_in(text)
        wrong += [f"{address[:40]}: {one}" for one in faults]
        stranger.page.context.close()
    assert not wrong, "\n".join(wrong)


def test_every_text_was_shown_somewhere(walked: Walked) -> None:
    """After the walks: what was planted and never seen would prove nothing."""
    if set(walked.seen) != set(PEOPLE) or not walked.seen_outside:
        pytest.skip("needs the walks of all roles, and of the sign-in")
    shown = {FIELDS[number] for seen in (*walked.seen.values(), walked.seen_outside) for number, _ in seen}
    assert set(FIELDS) - shown - IN_FILES == set()
    kinds = {kind for seen in walked.seen.values() for _, kind in seen}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("role", PEOPLE)
def test_every_button_that_a_role_sees_is_one_that_it_may_use(walked: Walked, role: str) -> None:
    person = walked.signed_in(role)
    person.hold_back()
    posted: set[str] = set()
    for listed in addresses(walked.county).values():
        for view in listed[:PRESSED]:
            person.go(view)
            choose_a_file(person)
            person.page.evaluate(PRESS)
            posted |= {f"POST {route_of('POST', path, whole=True)}" for path in person.posted}
            person.posted.clear()
    person.page.context.close()
    assert {one for one in posted if role not in RIGHTS[one].may} == set()


def choose_a_file(person: Walker) -> None:
    if person.page.locator("#upload-file").count():
        file = {"name": "t.csv", "mimeType": "text/csv", "buffer": b"a,b"}
        person.page.locator("#upload-file").set_input_files(file)  # type: ignore[arg-type]


def test_files_hold_every_text_as_text(walked: Walked) -> None:
    """Reports, the sheet of supervision, and each list as csv and xlsx: no formula, no script, in both languages."""
    bureau = walked.county.people.sign_in(walked.county.accounts["bureau"])
    made = bureau.post("/v1/reports", {"region": str(COUNTY), "month": "2026-10", "publish": False, "language": "both"})
    assert made.status_code == 201, made.text
    number, matter = made.json()["id"], walked.county.made["matter"][0]
    seen: set[str] = set()
    for path in (f"/v1/reports/{number}", f"/v1/matters/{matter}"):
        for form in ("html", "docx", "xlsx") if "reports" in path else ("html", "docx"):
            answer = bureau.get(path, format=form)
            assert answer.status_code == 200, (path, form, answer.text[:300])
            seen |= checked_file(walked, answer.content, form)
    for path, asked in FILES.items():
        for form in ("csv", "xlsx"):
            address = path.replace("{target_id}", "settled_items")
            answer = bureau.get(address, region=str(COUNTY), format=form, **asked)
            assert answer.status_code == 200, (path, form, answer.text[:300])
            assert "attachment" in answer.headers["content-disposition"]
            seen |= checked_file(walked, answer.content, form)
    assert seen >= IN_FILES
    also = {"event: data.case_id", "event: data.name", "POST /v1/figures: figures[].note", "hall: name"}
    assert also - seen == set()


def test_every_list_that_comes_as_a_file_is_asked_for_here() -> None:
    made = document(handlers())
    lists = {path for path, one in made["paths"].items() if any(
        given["name"] == "columns" for given in one.get("get", {}).get("parameters", ()))}  # fmt: skip
    assert lists == set(FILES)


def checked_file(walked: Walked, content: bytes, form: str) -> set[str]:
    """Return the fields whose texts a file holds. A formula, a link or a script in it fails."""
    if form == "csv":
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]
        text = "\n".join(cell for row in rows for cell in row)
    elif form == "xlsx":
        sheets = load_workbook(io.BytesIO(content)).worksheets
        cells = [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
        own = re.compile(r"=[A-Z0-9+*/().,:$ -]+").fullmatch  # a report adds up its own cells
        assert not [one.value for one in cells if one.hyperlink or (one.data_type == "f" and not own(str(one.value)))]
        text = "\n".join(str(cell.value) for cell in cells)
    elif form == "docx":
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            whole = [parts.read(name).decode() for name in parts.namelist() if name.endswith((".xml", ".rels"))]
        active = r'TargetMode="External"|<w:instrText[^>]*>(?!\s*(?:PAGE|NUMPAGES)\b)|<w:object|oleObject'
        assert not [one for one in whole if re.search(active, one)]
        text = "\n".join("".join(ElementTree.fromstring(one).itertext()) for one in whole)
        assert not re.search(f"[{TURNS}]", text)
    else:
        text = opened_without_a_policy(walked, content.decode())
    return {FIELDS[number] for number, _ in marks_in(text)}


def opened_without_a_policy(walked: Walked, page: str) -> str:
    """Return the text of a page that is opened from a disk, where no policy of the gateway holds scripts back."""
    person = walker(walked.started, walked.address)
    person.page.goto("about:blank")
    person.page.set_content(page)
    faults, text = person.look()
    person.page.context.close()
    assert not faults, faults
    return text


def route_of(method: str, path: str, *, whole: bool = False) -> str:
    """Return the documented address of a path; whole: as the application's table has it."""
    for route in RIGHTS:
        address = route.partition(" ")[2]
        pattern = re.sub(r"\{\w+:path\}", ".+", re.sub(r"\{\w+:(?:int|str)\}", "[^/]+", address))
        if route.startswith(f"{method} ") and re.fullmatch(pattern, path):
            return address if whole else re.sub(r":\w+}", "}", address)
    raise AssertionError(f"no such route: {method} {path}")
