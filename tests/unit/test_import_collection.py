"""A collection of tables as halls and vendors really write them: each is read right, asked about, or refused.

The table of docs/imports.md is made here: WRITE_DOCS=1 writes it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from services.importing.case_import import HallOfCases
from services.importing.fields import Kind
from services.importing.problems import TableError, told
from tests.shelf import SHARED, Import, Shelf, take

COLLECTION = SHARED / "imports"
DOCS = Path(__file__).parents[2] / "docs" / "imports.md"
BEGIN, END = "<!-- collection: begin -->", "<!-- collection: end -->"
pytestmark = pytest.mark.skipif(not COLLECTION.is_dir(), reason="the collection is not beside the checkout")
DAY = date(2026, 1, 1)
COMPRESSION, SETTLED, ACCEPTANCE = "promised_limit_compression", "settled_item_share", "acceptance_rate"
KEPT, COVERAGE, SATISFACTION, ELAPSED = "promise_kept_rate", "rating_coverage", "satisfaction", "mean_elapsed_days"


@dataclass(frozen=True)
class Expected:
    """rows: taken in; figures: indicator → (numerator, denominator); asked: questions open without an answer.

    reasons: of refused rows; whole: words of the refusal of the file; answers: what is tried after the question;
    notes: kinds of notes that must be told; by_default: whether `--yes` answers all that is asked.
    """

    rows: int = 0
    figures: dict[str, tuple[int, int]] | None = None
    asked: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()
    whole: str = ""
    notes: tuple[str, ...] = ()
    by_default: bool = False


def catalogue(numerator: int, denominator: int, rows: int, **more: object) -> Expected:
    figures = {COMPRESSION: (numerator, denominator)}
    return Expected(rows, figures, **more)  # type: ignore[arg-type]


UNITS = ("unit.statutory_days", "unit.promised_days")
TWO = catalogue(15, 20, 2, asked=UNITS, by_default=True)
FIVE_DAYS = Expected(1, {KEPT: (1, 1), ELAPSED: (4, 1), SATISFACTION: (1, 1)})
ON_TIME = {ACCEPTANCE: (1, 1), ELAPSED: (4, 1)}
LIMITS_REFUSED = (
    *("limit-unreadable", "limit-several", "limit-several", "limit-unreadable", "limit-unreadable", "limit-unreadable"),
    *("limit-several", "limit-several", "limit-negative", "limit-unreadable", "limit-unreadable", "limit-unknown-unit"),
)
ENDINGS = {ACCEPTANCE: (5, 6), KEPT: (3, 3), ELAPSED: (12, 3)}
EXPECTED: dict[str, Expected] = {
    "02-unit-as-code/a.xlsx": catalogue(15, 20, 1),
    "04-unit-in-header/a.xlsx": catalogue(22, 22, 1),
    "04-unit-in-header/b.xlsx": catalogue(56, 66, 1),
    "06-limit-zoo/a.xlsx": catalogue(316, 316, 36, reasons=LIMITS_REFUSED),
    "07-two-header-rows/a.xlsx": catalogue(23, 30, 2, asked=UNITS, by_default=True),
    "09-title-blank-total-notes/a.xlsx": catalogue(45, 60, 3),
    "10-sheet-per-department/a.xlsx": catalogue(90, 120, 6, asked=UNITS, by_default=True),
    "13-code-as-number/a.xlsx": Expected(
        asked=(*UNITS, "numeric_codes"), answers=(("numeric_codes", "refuse"),), reasons=("spoilt-code",) * 3
    ),
    "14-partial-file-resets-flags/a.xlsx": Expected(
        2, {COMPRESSION: (20, 40), SETTLED: (2, 2), "tolerance_items": (2, 1)}, UNITS, by_default=True
    ),
    "14-partial-file-resets-flags/b.xlsx": Expected(
        2, {COMPRESSION: (36, 40), SETTLED: (2, 2), "tolerance_items": (2, 1)}, UNITS, by_default=True
    ),
    "16-duplicate-headers/a.xlsx": Expected(
        1,
        {COMPRESSION: (15, 20)},
        ("column.department", "column.promised_days", *UNITS),
        (("column.department", "D"), ("column.promised_days", "H")),
    ),
    **{
        f"18-other-containers/{name}": TWO
        for name in (
            *("UP.XLSX", "a.et", "a.json", "a.ods", "a.wps", "a.xls", "a.xlsm", "a.xlsx", "csv.xlsx", "renamed.xlsx"),
            "xlsx.csv",
        )
    },
    "18-other-containers/html.xls": Expected(whole="网页（HTML）"),
    "18-other-containers/html.xlsx": Expected(whole="网页（HTML）"),
    "18-other-containers/password.xlsx": Expected(whole="密码"),
    "19-empty-files/blank.xlsx": Expected(whole="空的"),
    "19-empty-files/header.xlsx": Expected(),
    "19-empty-files/spaces.csv": Expected(whole="空的"),
    **{f"19-empty-files/{name}": Expected(whole="0 字节") for name in ("zero.csv", "zero.ndjson", "zero.xlsx")},
    **{
        f"21-separators/{name}": TWO
        for name in (
            *("fullwidth.csv", "mac.csv", "pipe.csv", "semi.csv", "sep.csv", "tab.txt", "title-comma-tab.txt"),
            *("title-semi.csv", "title-tab.csv"),
        )
    },
    "21-separators/quoted.csv": catalogue(15, 20, 2, asked=UNITS[1:], by_default=True),
    "30-base-catalogue/a.xlsx": Expected(2, {COMPRESSION: (15, 20), SETTLED: (2, 2)}, UNITS, by_default=True),
    "31-epoint-export-with-rating/a.xlsx": Expected(
        3, {ACCEPTANCE: (3, 3), KEPT: (3, 3), COVERAGE: (2, 3), SATISFACTION: (1, 2)}
    ),
    "33-gbt39046-times/a.xlsx": Expected(3, {KEPT: (3, 3), ELAPSED: (12, 3)}),
    "34-text-dates/a.xlsx": Expected(29, {KEPT: (28, 29)}, reasons=("bad-date",) * 8),
    **{f"35-excel-dates-1900-1904/{name}.xlsx": Expected(1, ON_TIME) for name in "abcd"},
    "36-satisfaction-codes/a.xlsx": Expected(5, {SATISFACTION: (4, 5)}, ("ratings",), (("ratings", "best_first"),)),
    "36-satisfaction-codes/b.xlsx": Expected(5, {SATISFACTION: (4, 5)}, ("ratings",), (("ratings", "best_first"),)),
    "36-satisfaction-codes/c.xlsx": Expected(5, {SATISFACTION: (3, 5)}),
    "38-date-placeholders/a.xlsx": Expected(14, {ACCEPTANCE: (14, 14), ELAPSED: (0, 0)}),
    "39-status-column-decides/a.xlsx": Expected(6, ENDINGS),
    "39-status-column-decides/b.xlsx": Expected(6, ENDINGS),
    "39-status-column-decides/c.xlsx": Expected(3, {ACCEPTANCE: (0, 3), ELAPSED: (0, 0)}),
    **{
        f"40-case-number-eaten-by-excel/{name}": Expected(reasons=("spoilt-code",) * 3)
        for name in ("a.csv", "b.xlsx", "b2.xlsx")
    },
    "40-case-number-eaten-by-excel/c.csv": Expected(1, {KEPT: (1, 1)}),
    "40-case-number-eaten-by-excel/d.csv": Expected(7, {KEPT: (7, 7)}),
    "44-catalogue-after-the-fact/cat.xlsx": Expected(
        1, {COMPRESSION: (15, 20)}, (*UNITS, "effective_from"), (("effective_from", "2026-11-30"),)
    ),
    "44-catalogue-after-the-fact/a.xlsx": Expected(2, {KEPT: (0, 0), ELAPSED: (18, 2)}, notes=("before_item",)),
    "45-channels/a.xlsx": Expected(20, {KEPT: (20, 20)}, notes=("channel_unknown",)),
    "50-department-spelt-differently/a.xlsx": Expected(
        6, {KEPT: (6, 6)}, ("department.县市监局",), (("department.县市监局", "县市场监督管理局"),)
    ),
    **{f"59-headers-not-known/{number}.xlsx": FIVE_DAYS for number in range(16) if number not in (12, 13)},
    **{
        f"59-headers-not-known/{number}.xlsx": Expected(1, FIVE_DAYS.figures, ("ratings",), (("ratings", "best_last"),))
        for number in (12, 13)
    },
    **{f"70-empty-fill/{name}.xlsx": Expected(3, {KEPT: (3, 3)}) for name in ("cases-a1", "cases-a1b2")},
    **{
        f"70-empty-fill/{name}.xlsx": Expected(1, {KEPT: (1, 1)})
        for name in ("cases", "cases-colour", "cases-extlst", "good")
    },
    "71-same-header-twice/a-same-twice.csv": Expected(
        1, {KEPT: (0, 1)}, ("column.decided",), (("column.decided", "G"),)
    ),
    "71-same-header-twice/b-synonyms.csv": Expected(
        1, {KEPT: (1, 1)}, ("column.received",), (("column.received", "E"),)
    ),
}
NOT_TABLES = ("54-plan-files",)


def kind_of(name: str) -> Kind:
    return "cases" if int(name[:2]) > 30 and not name.endswith("cat.xlsx") else "catalogue"


@dataclass
class Tried:
    """What became of one file: without an answer, and after the answers."""

    name: str
    whole: str = ""
    first: Import | None = None
    done: Import | None = None
    shelf: Shelf | None = None


@pytest.fixture(scope="module")
def tried() -> dict[str, Tried]:
    return {one.name: one for one in _all()}


def _all() -> Iterator[Tried]:
    base = Shelf(HallOfCases(222401, "import"))
    take(COLLECTION / "30-base-catalogue" / "a.xlsx", "catalogue", base, effective_from=DAY, take_defaults=True)
    alone: dict[str, Shelf] = {}
    files = sorted(COLLECTION.glob("*/*"), key=lambda path: (path.parent, path.name != "cat.xlsx", path.name))
    for path in files:
        name = f"{path.parent.name}/{path.name}"
        if path.parent.name in NOT_TABLES:
            continue
        if kind_of(name) == "cases" and not name.startswith("44"):
            yield _tried(path, name, base.at(222401, f"c{len(alone)}-{name[:2]}-{path.stem.lower()}"))
            continue
        shared = path.parent.name if name[:2] in ("14", "44") else name
        yield _tried(path, name, alone.setdefault(shared, Shelf(HallOfCases(220103, "import"))))


def _tried(path: Path, name: str, shelf: Shelf) -> Tried:
    day = date(2026, 3, 1) if name == "14-partial-file-resets-flags/b.xlsx" else DAY
    options = {} if name.startswith("44") or kind_of(name) == "cases" else {"effective_from": day}
    one = Tried(name, shelf=shelf)
    try:
        one.first = take(path, kind_of(name), shelf, **options)
        one.done = one.first
        if one.first.asked:
            answers = dict(EXPECTED[name].answers) if name in EXPECTED else {}
            one.done = take(path, kind_of(name), shelf, answers=answers, take_defaults=True, **options)
    except TableError as error:
        one.whole = error.text.zh
    return one


def test_every_table_of_the_collection_is_expected(tried: dict[str, Tried]) -> None:
    assert sorted(tried) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_table_of_the_collection_gives_what_its_page_says(tried: dict[str, Tried], name: str) -> None:
    one, expected = tried[name], EXPECTED[name]
    if expected.whole:
        assert expected.whole in one.whole
        return
    assert one.whole == ""
    assert one.first is not None
    assert one.done is not None
    assert one.first.asked == list(expected.asked)
    assert one.first.published == [] or not expected.asked
    assert sorted(one.done.reasons.values()) == sorted(expected.reasons)
    assert one.done.told.rows["new"] + one.done.told.rows["changed"] == expected.rows
    assert all(one.done.notes(what) for what in expected.notes)
    for refusal in one.done.told.refused:
        assert refusal["text"]
        assert refusal["remedy"]
        assert all(place["line"] for place in refusal["places"])


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if expected.figures])
def test_a_table_of_the_collection_gives_its_figures(tried: dict[str, Tried], name: str) -> None:
    shelf, expected = tried[name].shelf, EXPECTED[name]
    assert shelf is not None
    hall = shelf.place.hall if kind_of(name) == "cases" else None
    found = shelf.indicators(hall=hall)
    if name != "14-partial-file-resets-flags/a.xlsx":
        assert {indicator: found[indicator] for indicator in expected.figures or {}} == expected.figures
    else:
        before = shelf.indicators(end=date(2026, 2, 1))
        assert {indicator: before[indicator] for indicator in expected.figures or {}} == expected.figures


def test_the_table_in_the_documents_is_what_the_collection_gives(tried: dict[str, Tried]) -> None:
    text = DOCS.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    written, _, tail = rest.partition(END)
    made = f"\n{_table(tried)}\n"
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(f"{head}{BEGIN}{made}{END}{tail}", encoding="utf-8")
        written = made
    assert written == made


def _table(tried: dict[str, Tried]) -> str:
    lines = ["| file | asked first | rows in | refused rows, or why the file is | figures |", "|---|---|---|---|---|"]
    for name, expected in EXPECTED.items():
        one = tried[name]
        if one.done is None or one.first is None:
            lines.append(f"| {name} | | | {one.whole} | |")
            continue
        asked = ", ".join(question.replace("|", "") for question in one.first.asked)
        rows = one.done.told.rows
        refused = "；".join(f"{r['rows']} × {told(r['reason']).what.zh}" for r in one.done.told.refused)
        if not rows["read"]:
            refused = "表头下面没有数据行"
        figures = ", ".join(f"{key} {n}/{d}" for key, (n, d) in (expected.figures or {}).items())
        lines.append(f"| {name} | {asked} | {rows['new'] + rows['changed']} | {refused} | {figures} |")
    return "\n".join(lines)
