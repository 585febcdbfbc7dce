"""The columns of each list, for showing, searching, sorting, filtering and files, with heads in the page's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from services.gateway.lists import Column, ListForm, Row, Words

_PAGE = Path(__file__).parent / "page"
_ENTRY = re.compile(r'^ +([A-Za-z0-9_]+): \["([^"\\]*)", "([^"\\]*)"\],?$', re.MULTILINE).findall
NOT_SHOWN = frozenset({"region", "url"})
_STATES = ("overdue", "due_soon", "unaccepted_late", "suspended", "on_time")


@cache
def page_words() -> Mapping[str, tuple[str, str]]:
    """Return key → (Chinese, English) for every text of the page that stands on one line."""
    texts = (path.read_text("utf-8") for path in sorted(_PAGE.glob("*words.js")))
    return {key: (zh, en) for text in texts for key, zh, en in _ENTRY(text)}


@cache
def words_of(kind: str) -> Mapping[str, tuple[str, str]]:
    """Return code → (Chinese, English) for the codes of a kind: for `card`, yellow and red."""
    found = {key.removeprefix(f"{kind}_"): said for key, said in page_words().items() if key.startswith(f"{kind}_")}
    if not found:
        raise LookupError(f"the page has no words of the kind {kind}")
    return found


def column(
    key: str,
    head: str,
    *,
    code: str | None = None,
    words: Words | None = None,
    read: Callable[[Row], Any] | None = None,
    unit: str = "",
) -> Column:
    """Return a column whose heads are words of the page. head, code: the keys of the words."""
    said = page_words()
    return Column(key, *said[head], code=said[code] if code else None, words=words, read=read, unit=unit)


def _form(name: str, rows: str, *columns: Column) -> ListForm:
    """Return the form of a list that stands under one name in its answer."""
    return ListForm(*page_words()[name], lambda told: list_in(told, rows), lambda _: columns)


def list_in(told: Row, name: str) -> list[Row]:
    found: list[Row] = told[name]
    return found


_YES = {"True": ("是", "yes"), "False": ("", "")}
_YES_OR_NO = {"True": ("是", "yes"), "False": ("否", "no")}
_PLACES = (
    column("department", "department", code="departmentCode"),
    column("hall", "hall", code="hallCode"),
    column("region", "region", code="regionCode"),
)
CASE_COLUMNS = (
    column("case_id", "caseId"),
    column("item_name", "item"),
    column("item_code", "itemCode"),
    *_PLACES,
    column("channel", "channel", words=words_of("channel")),
    column("received", "received"),
    column("accepted", "accepted"),
    column("rejected", "rejected"),
    column("due", "due"),
    column("statutory_due", "statutoryDue"),
    column("decided", "decided"),
    column("withdrawn", "withdrawn"),
    column("elapsed", "elapsedDays"),
    column("promised_days", "promisedLimit"),
    column("statutory_days", "statutoryLimit"),
    column("extended_days", "extendedDays"),
    column("late_days", "lateDays"),
    column("card", "card", words=words_of("card")),
    column("rated", "rated"),
    column("score", "score"),
    column("flags", "flags", words=words_of("flag")),
    column("amount", "amount"),
)
ITEM_COLUMNS = (
    column("item_code", "itemCode"),
    column("name", "item"),
    _PLACES[0],
    _PLACES[2],
    column("handling", "handling", words=words_of("handling")),
    column("promised_days", "promisedLimit"),
    column("statutory_days", "statutoryLimit"),
    column("amount", "amount"),
)


def _flag(key: str, row: Row) -> str | None:
    return None if row[key] is None else str(row[key])


CASES = _form("caseList", "cases", *CASE_COLUMNS)
ITEMS_BEHIND = _form("itemList", "items", *ITEM_COLUMNS)
ITEMS = _form(
    "itemList",
    "items",
    *(one for one in ITEM_COLUMNS if one.key not in ("amount", "region")),
    *(
        column(key, key, words=_YES_OR_NO, read=partial(_flag, key))
        for key in ("settled", "unified", "full_process", "tolerates_missing", "commitment")
    ),
)


MATTERS = _form(
    "supervision",
    "matters",
    column("matter", "matterNumber"),
    column("names", "matterTitle"),
    column("about", "aboutWhat", words=words_of("about")),
    _PLACES[0],
    column("rung", "step", words=words_of("rung")),
    column("state", "matterStanding"),
    column("deadline", "answerBy"),
    column("opened", "openedOn"),
)
TASKS = _form(
    "tasks",
    "tasks",
    column("id", "matterNumber", read=lambda row: int(row["id"]) if row["id"].isdecimal() else row["id"]),
    column("names", "taskName"),
    column("phase", "taskPhase"),
    column("due", "taskDue"),
    column("state", "taskState", words=words_of("task")),
    column("overdue", "taskOverdue", words=_YES, read=lambda row: str(row["overdue"])),
    column("evidence", "evidenceWanted"),
    column("departments", "lead", read=lambda row: [one["department_names"] for one in row["departments"]]),
)
UPLOADS = _form(
    "uploads",
    "uploads",
    column("id", "matterNumber"),
    column("name", "fileName"),
    column("kind", "uploadKind", words=words_of("upload")),
    column("state", "uploadState", words=words_of("upload")),
    column("at", "uploadedAt"),
    column("by", "uploadedBy"),
    column("events", "uploadEvents"),
)
FIGURES = _form(
    "figureList",
    "figures",
    column("indicator", "indicator", code="indicatorCode"),
    column("period", "reportPeriod"),
    _PLACES[0],
    _PLACES[2],
    column("numerator", "numerator"),
    column("denominator", "denominator"),
    column("revision", "revision"),
    column("status", "reportState", words=words_of("figure")),
    column("reporter", "reportedBy"),
    column("hall", "hall", code="hallCode"),
    column("note", "note"),
    column("time", "reportedAt"),
    column("arrived", "arrivedAt"),
)


def _alert_names(label: str) -> Callable[[Row], Any]:
    return lambda row: row["names"].get(label) or row["labels"].get(label)


ALERTS = _form(
    "alerts",
    "alerts",
    column("severity", "severity", words=words_of("severity")),
    column("summary", "alertText", read=lambda row: _told(row, "summary") or row["alert"]),
    column("description", "alertMore", read=lambda row: _told(row, "description")),
    column("target", "targetOf", read=_alert_names("target")),
    column("department", "department", read=_alert_names("department")),
    column("region", "region", code="regionCode"),
    column("started", "alertStarted"),
    column("acknowledged_by", "alertTaken"),
    column("silenced", "alertSilenced", words=_YES, read=lambda row: str(row["silenced"])),
)  # fmt: skip


def _told(row: Row, name: str) -> Row | None:
    """A text of an alert in both languages."""
    zh = row["annotations"].get(name)
    return None if zh is None else {"zh": zh, "en": row["annotations"].get(f"{name}_en", zh)}


TARGETS = _form(
    "targets",
    "targets",
    column("names", "targetOf"),
    column("id", "targetCode"),
    column("state", "targetState", words=words_of("state")),
    column("value", "value"),
    column("numerator", "numerator"),
    column("denominator", "denominator"),
    column("required", "required"),
    column("goal", "goal"),
    column("gap", "gap"),
    column("forecast", "forecastEnd"),
    column("lead", "lead", read=lambda row: [one["names"] for one in row["lead"]]),
    column("source", "sourceItem"),
)

SPLIT = _form(
    "splitTitle",
    "rows",
    column("kind", "splitKind", words=words_of("split")),
    column("department", "department", code="departmentCode"),
    column("item_name", "item"),
    column("item_code", "itemCode"),
    column("numerator", "numerator"),
    column("denominator", "denominator"),
    column("value", "value"),
    column("share", "splitShare"),
    column("exact", "splitExact"),
    column("parts", "splitParts"),
)
SERIES = _form(
    "trendsTitle",
    "rows",
    column("from", "firstDay"),
    column("to", "lastDay"),
    column("department", "department", code="departmentCode"),
    column("numerator", "numerator"),
    column("denominator", "denominator"),
    column("value", "value"),
)


def _figures_of(row: Row) -> dict[str, Row]:
    return {one["id"]: one for one in row["indicators"]}


_PARTS = (("value", "", ""), ("numerator", "（分子）", " (numerator)"), ("denominator", "（分母）", " (denominator)"))
_OF_A_COUNT = ("numerator",)


def _figure_columns(one: Row) -> Iterator[Column]:
    """The value of an indicator and its two parts, of a count the number alone."""
    id_, names = one["id"], one["names"]
    for part, zh, en in _PARTS:
        if one["unit"] == "count" and part not in _OF_A_COUNT:
            continue
        key, unit = (id_, one["unit"]) if part == "value" else (f"{id_}_{part}", "")
        read = partial(_part_of, id_, part)
        yield Column(key, f"{names['zh']}{zh}", f"{names['en']}{en}", read=read, unit=unit)


def _part_of(indicator: str, part: str, row: Row) -> Any:
    return _figures_of(row).get(indicator, {}).get(part)


def _department_columns(told: Row) -> Sequence[Column]:
    """Each department's figures and its open cases."""
    known = {one["id"]: one for row in told["departments"] for one in row["indicators"]}
    figures = [made for one in known.values() for made in _figure_columns(one)]
    words = words_of("open")
    open_cases = [Column(f"open_{one}", *words[one], read=partial(_open_of, one)) for one in _STATES]
    return [column("names", "department"), column("id", "departmentCode"), *figures, *open_cases]


def _open_of(state: str, row: Row) -> Any:
    return row["open_cases"][state]


DEPARTMENTS = ListForm(*page_words()["departments"], lambda told: list_in(told, "departments"), _department_columns)


def _findings(told: Row) -> list[Row]:
    """Of one check its findings; the checks themselves where several are asked."""
    return list_in(told["checks"][0], "cases") if len(told["checks"]) == 1 else list_in(told, "checks")


_CHECK_COLUMNS = (
    column("names", "checkName"),
    column("id", "checkCode"),
    column("count", "total"),
    column("of", "checkOf", words=words_of("of")),
)


def _finding_columns(told: Row) -> Sequence[Column]:
    if len(told["checks"]) != 1:
        return _CHECK_COLUMNS
    rows, words = told["checks"][0]["cases"], words_of("column")
    names = [name for name in (rows[0] if rows else ()) if name not in NOT_SHOWN and not name.endswith("_names")]
    coded = {"department": "departmentCode", "hall": "hallCode", "indicator": "indicatorCode"}
    heads = {name: _head(name, rows[0], words) for name in names}
    return [Column(name, *heads[name], code=page_words()[coded[name]] if name in coded else None) for name in names]


def _head(name: str, row: Row, words: Words) -> tuple[str, str]:
    """A number under `decided` counts cases; a date is when one was decided."""
    key = "decided_cases" if name == "decided" and isinstance(row[name], int) else name
    return words.get(key, (name, name))


FINDINGS = ListForm(*page_words()["integrity"], _findings, _finding_columns)
