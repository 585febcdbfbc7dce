"""Every number of the files is one that the gateway gives for the same days; two months, a county and a department."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser
from itertools import product
from typing import Any

import docx
import httpx
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from hallpulse.domain.figures import Scope
from hallpulse.domain.workdays import Calendar
from hallpulse.store import Store
from services.reports.monthly import Language, MonthlyReport, Period, document_of, monthly_report, period_of
from services.reports.reading import read_material
from services.reports.renderers import rendered
from tests.integration.test_reports import NOW, PLAN, REGION, fill_county, gateway, microseconds

MONTHS = ("2026-09", "2026-10")
DEPARTMENT = "market-regulation"
SCOPES = (Scope(REGION), Scope(REGION, DEPARTMENT))
RATIO, SHARE, WHOLE = re.compile(r"^(\d+)/(\d+)$"), re.compile(r"^\d+\.\d{2}%$"), re.compile(r"^\d+(\.\d{2})?$")


@pytest.fixture(scope="module")
def county(shared_store: Store, calendars: list[Calendar]) -> Store:
    return fill_county(shared_store, calendars)


@pytest.fixture(scope="module")
def client(county: Store) -> Iterator[httpx.Client]:
    with gateway(county) as opened:
        yield opened


def report_of(store: Store, month: str, scope: Scope) -> MonthlyReport:
    return monthly_report(read_material(store, PLAN, period_of(month), microseconds(NOW), scope))


def ask(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params={"region": str(REGION), **{k: v for k, v in params.items() if v is not None}})
    assert answer.status_code == 200, answer.text
    return answer.json()


def answers(client: httpx.Client, period: Period, scope: Scope) -> list[Any]:
    """All that the gateway says of a report's days, of those before, and of those a year before."""
    eve, end = period.window.start - timedelta(days=1), period.window.end
    windows = [period.window, period.previous.window, period.year_before.window]
    days = [{"from": str(one.start), "to": str(one.end)} for one in windows] + [{"from": str(eve), "to": str(eve)}]
    days.append({"from": str(PLAN.period.start), "to": str(end)})
    found = [ask(client, "/v1/indicators", department=scope.department, **one) for one in days]
    found += [ask(client, "/v1/departments", **one) for one in days]
    found += [ask(client, "/v1/targets", on=str(day)) for day in (eve, end)]
    flow = ask(client, "/v1/flow", month=period.text)
    departments = [department.id for department in PLAN.departments]
    found += [flow, *(ask(client, "/v1/flow", month=period.text, department=one) for one in departments)]
    return [*found, ask(client, "/v1/integrity", **days[0]), *open_states(client, end)]


@cache
def open_states(client: httpx.Client, on: date) -> list[int]:
    """The open cases of the county and of each department, by state, counted in the lists.

    That a department's own list has as many is shown with the county's report.
    """
    counts: list[int] = []
    for state in ("open", "on_time", "due_soon", "overdue", "suspended", "unaccepted_late"):
        answer = ask(client, "/v1/cases", state=state, on=str(on), limit=1000)
        assert answer["total"] == len(answer["cases"]), "all of them on one page"
        listed = Counter(case["department"] for case in answer["cases"])
        counts += [answer["total"], *(listed[department.id] for department in PLAN.departments)]
    return counts


def said(value: Any) -> Iterator[str]:
    """Each number of an answer in the ways in which a report may write it."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, int | float):
        yield from (f"{value:g}", f"{value:.2f}", f"{value * 100:.2f}%")
        if isinstance(value, int):
            yield str(value)
    elif isinstance(value, list):
        for one in value:
            yield from said(one)
    else:
        if {"numerator", "denominator"} <= set(value):
            yield f"{value['numerator']}/{value['denominator']}"
            yield str(value["denominator"] - value["numerator"])
        for one in value.values():
            yield from said(one)
        if {"early", "late"} <= set(value):
            yield str(sum(value.values()))


class _Cells(HTMLParser):
    """The texts of the cells of every table, line by line."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.texts = False, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.inside = tag == "td" or (self.inside and tag in ("small", "span"))

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts.append(data)


def lines_of_docx(content: bytes) -> list[str]:
    word = docx.Document(io.BytesIO(content))
    cells = (cell for table in word.tables[:-1] for row in table.rows[1:] for cell in row.cells)
    return [line for cell in cells for line in cell.text.split("\n")]


def lines_of_html(content: bytes) -> list[str]:
    cells = _Cells()
    cells.feed(content.decode())
    return cells.texts


def text_of_docx(content: bytes) -> str:
    """The paragraphs and the cells, whose sentences hold numbers, too."""
    word = docx.Document(io.BytesIO(content))
    cells = (cell.text for table in word.tables for row in table.rows for cell in row.cells)
    return "\n".join([*(paragraph.text for paragraph in word.paragraphs), *cells])


def words_of_pdf(content: bytes) -> set[str]:
    """All that blanks stand between: the texts of cells, which hold none, among them."""
    return {word for page in PdfReader(io.BytesIO(content)).pages for word in page.extract_text().split()}


def numbers(lines: list[str]) -> set[str]:
    return {
        line.strip()
        for line in lines
        if RATIO.match(line.strip()) or SHARE.match(line.strip()) or WHOLE.match(line.strip())
    }


def test_every_number_in_the_tables_is_one_of_the_gateways(county: Store, client: httpx.Client) -> None:
    for month, scope in product(MONTHS, SCOPES):
        report = report_of(county, month, scope)
        document = document_of(report, "zh")
        known = {text for answer in answers(client, report.asked, scope) for text in said(answer)}
        known |= own_numbers(report)
        word = rendered(document, "docx")
        read = {"docx": lines_of_docx(word), "html": lines_of_html(rendered(document, "html"))}
        for form, lines in read.items():
            found = numbers(lines)
            assert len([one for one in found if RATIO.match(one)]) > 15, form
            assert {one for one in found if one not in known} == set(), (month, scope, form)
        assert numbers(read["docx"]) == numbers(read["html"])
        drawn = words_of_pdf(rendered(document, "pdf"))
        assert numbers(read["docx"]) <= drawn, (month, scope)
        written = text_of_docx(word)
        shown = {one for one in drawn if RATIO.match(one) or SHARE.match(one)}
        assert {one for one in shown if one not in known and one not in written} == set()


def own_numbers(report: MonthlyReport) -> set[str]:
    """Numbers that no answer has as they are: places in a list, working days late and suspended, parts of a change."""
    places = {str(number) for number in range(100)}
    for ranking in report.rankings:
        for one in ranking.standings:
            for figure in one.figures.values():
                places.add(f"{figure.numerator}/{figure.denominator}")
    changes = {f"{one.before[0]}/{one.before[1]}" for one in (each.change for each in report.lowerings)}
    changes |= {f"{one.after[0]}/{one.after[1]}" for one in (each.change for each in report.lowerings)}
    readings = {f"{float(goal) * 100:.2f}%" for line in report.targets for goal in line.result.readings.values()}
    required = {
        f"{float(value) * 100:.2f}%"
        for line in report.targets
        if (value := report.plan.required(line.target, report.asked.next.window.end, line.result.goal)) is not None
    }
    return places | changes | readings | required


def test_each_row_of_the_workbook_is_had_again_by_its_query(county: Store, client: httpx.Client) -> None:
    for month, scope in product(MONTHS, SCOPES):
        content = rendered(document_of(report_of(county, month, scope), "zh"), "xlsx")
        asked: dict[str, set[str]] = {}
        held = sum(
            holds(row, heads, known_by(query, asked, client)) for query, row, heads in rows_with_queries(content)
        )
        assert held > 10
        assert len(asked) > 5


def rows_with_queries(content: bytes) -> Iterator[tuple[str, tuple[Any, ...], list[str]]]:
    for sheet in load_workbook(io.BytesIO(content), data_only=True):
        heads = [str(cell.value) for cell in sheet[6]] if sheet.max_row >= 6 else []
        if "查询" in heads:
            for row in sheet.iter_rows(min_row=7, values_only=True):
                if row[heads.index("查询")]:
                    yield str(row[heads.index("查询")]), row, heads


def known_by(query: str, asked: dict[str, set[str]], client: httpx.Client) -> set[str]:
    if query not in asked:
        answer = client.get(query)
        assert answer.status_code == 200, (query, answer.text)
        asked[query] = set(said(answer.json()))
    return asked[query]


def holds(row: tuple[Any, ...], heads: list[str], known: set[str]) -> int:
    """The first figure of a row is in its answer: numerator and denominator side by side. Return how many were held."""
    if "分子" not in heads or ("本期" not in heads and "完成值" not in heads):
        return 0
    at = heads.index("分子")
    if row[at] is None:
        return 0
    assert f"{row[at]}/{row[at + 1]}" in known, (row, heads)
    return 1


def test_septembers_report_made_in_november_has_the_state_of_the_last_day_of_september(
    county: Store,
    client: httpx.Client,
) -> None:
    report = report_of(county, "2026-09", Scope(REGION))
    listed = ask(client, "/v1/cases", state="overdue", on="2026-09-30", limit=1000)
    told = [case.case_id for case in report.listed.cases if case.state == "overdue"]
    assert report.listed.counts["overdue"] == listed["total"] > 0
    assert told == [case["case_id"] for case in listed["cases"]][: len(told)]
    now = ask(client, "/v1/cases", state="overdue", on="2026-11-05", limit=1000)
    assert {case["case_id"] for case in listed["cases"]} != {case["case_id"] for case in now["cases"]}
    worst = report.listed.cases[0]
    history = client.get(f"/v1/cases/{REGION}/{worst.hall}/{worst.case_id}").json()
    days = {day["date"]: day["why"] for day in history["clock"]}
    late = [day for day, why in days.items() if str(worst.due) < day <= "2026-09-30" and why == "counted"]
    assert worst.late == len(late) > 0, history


@pytest.mark.parametrize("language", ["zh", "both"])
def test_a_quarter_and_a_year_are_made_of_the_same_parts(county: Store, language: Language) -> None:
    for text, kind in (("2026-Q3", "季报"), ("2026", "年报")):
        document = document_of(report_of(county, text, Scope(REGION)), language)
        assert document.title.zh.endswith(kind)
        assert [section.head.zh.partition("、")[2] for section in document.sections][:3] == [
            "概况",
            "目标完成情况",
            "办件流量",
        ]
        assert rendered(document, "docx")
    hall = monthly_report(
        read_material(county, PLAN, period_of("2026-10"), microseconds(NOW), Scope(REGION, None, "main"))
    )
    heads = [section.head.zh.partition("、")[2] for section in document_of(hall, "zh").sections]
    assert "目标完成情况" not in heads
    assert heads[0] == "概况"
