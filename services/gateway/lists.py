"""Searching, sorting and filtering of lists, and the same rows as a file; all routes with a list use this.

Search, filters and order work on the texts that the columns show, names and words included. A file holds exactly the
rows that the answer has for the same question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from litestar import Response
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.params import QueryParameter

from services.gateway.list_files import Filed, FileForm, download, written
from services.gateway.naming import SUFFIX, with_names
from services.gateway.problems import EXPECTED, Declined, Kind
from services.gateway.request import Resources

MOST_FILE_ROWS = 50_000
"""A longer list is not cut: the answer says how long it is, and that it is to be narrowed."""
_KEY = "[a-z][a-z0-9_]{0,79}"
SearchText: TypeAlias = Annotated[
    str | None, QueryParameter(name="text", pattern=r"^[^\x00-\x1f\x7f]{1,64}$", description=EXPECTED["text"])
]
SortBy: TypeAlias = Annotated[
    str | None, QueryParameter(name="sort", pattern=f"^-?{_KEY}$", description=EXPECTED["sort"])
]
Only: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        name="only",
        pattern=rf"^{_KEY}:[^;\x00-\x1f\x7f]{{1,64}}(?:;{_KEY}:[^;\x00-\x1f\x7f]{{1,64}}){{0,9}}$",
        description=EXPECTED["only"],
    ),
]
Columns: TypeAlias = Annotated[
    str | None, QueryParameter(name="columns", pattern=f"^{_KEY}(?:,{_KEY}){{0,199}}$", description=EXPECTED["columns"])
]
AsFile: TypeAlias = Annotated[
    Literal["csv", "xlsx"] | None, QueryParameter(name="format", description=EXPECTED["as_file"])
]
Language: TypeAlias = Annotated[Literal["zh", "en"], QueryParameter(name="language", description=EXPECTED["language"])]


CardName: TypeAlias = Annotated[
    Literal["yellow", "red"] | None, QueryParameter(name="card", description=EXPECTED["card"])
]
Offset: TypeAlias = Annotated[int, QueryParameter(name="offset", ge=0, le=1_000_000, description=EXPECTED["offset"])]


@dataclass(frozen=True, slots=True)
class ListAsked:
    """The requested form of a list. form: csv or xlsx, None for the usual answer; columns: of a file, None for all."""

    text: str | None = None
    sort: str | None = None
    only: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] | None = None
    form: FileForm | None = None
    language: Literal["zh", "en"] = "zh"

    @property
    def is_plain(self) -> bool:
        """Return whether the usual answer is wanted: no search, filter, order or file."""
        return self.text is None and self.sort is None and not self.only and self.form is None


def list_asked(
    *,
    text: SearchText = None,
    sort: SortBy = None,
    only: Only = None,
    columns: Columns = None,
    format_: AsFile = None,
    language: Language = "zh",
) -> ListAsked:
    wanted = tuple((key, value) for key, _, value in (one.partition(":") for one in only.split(";"))) if only else ()
    return ListAsked(text, sort, wanted, tuple(columns.split(",")) if columns else None, format_, language)


LISTING = {"listing": Provide(list_asked, sync_to_thread=False)}
"""The parameters of every list: a handler takes them as `listing`."""
Row: TypeAlias = dict[str, Any]
Words: TypeAlias = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. key: the field of a row, which sorts and filters; zh, en: the head.

    code: for a column with names, the heads of a second column with their codes; words: texts for codes that have no
    names; read: returns the value if it is not the field itself; unit: `share` for parts of 1.
    """

    key: str
    zh: str
    en: str
    code: tuple[str, str] | None = None
    words: Words | None = None
    read: Callable[[Row], Any] | None = None
    unit: str = ""

    def value(self, row: Row) -> Any:
        """Return the value: a number, a day, a text, a code, or a list of codes."""
        return self.read(row) if self.read is not None else row.get(self.key)

    def texts(self, row: Row) -> tuple[str, str]:
        """Return the value as the column shows it, in Chinese and in English."""
        value = self.value(row)
        names = row.get(self.key + SUFFIX)
        if isinstance(names, dict):
            return names["zh"], names["en"]
        listed = value if isinstance(value, list) else [value]
        known = [self._said(one) for one in listed if one is not None]
        return "、".join(zh for zh, _ in known), ", ".join(en for _, en in known)

    def _said(self, value: Any) -> tuple[str, str]:
        if isinstance(value, dict) and {"zh", "en"} <= value.keys():
            return value["zh"], value["en"]
        if self.words is not None and value in self.words:
            return self.words[value]
        text = value.isoformat() if isinstance(value, date) else str(value)
        return text, text


class ListForm(NamedTuple):
    """A kind of list. zh, en: its name; rows: takes the list out of an answer; columns: returns an answer's columns."""

    zh: str
    en: str
    rows: Callable[[Row], list[Row]]
    columns: Callable[[Row], Sequence[Column]]


def listed(resources: Resources, asked: ListAsked, answer: msgspec.Struct, form: ListForm) -> Response[Any]:
    """Return the answer with its list searched, filtered and ordered as asked, or the list as a file."""
    if asked.is_plain:
        return Response(answer, media_type=MediaType.JSON)
    resources.book.refresh()
    told: Row = msgspec.to_builtins(with_names(answer, resources.book), builtin_types=(date,))
    rows, columns = form.rows(told), form.columns(told)
    rows[:] = picked(rows, columns, asked)
    if asked.form is None:
        return Response(msgspec.json.encode(told), media_type=MediaType.JSON)
    return file_answer(resources, asked, ListFile(form, told, rows, len(rows)), columns)


def picked(rows: Iterable[Row], columns: Sequence[Column], asked: ListAsked) -> list[Row]:
    """Return the rows that have the text and the values, in the order asked for."""
    by_key = {column.key: column for column in columns}
    for field, keys in (("only", [key for key, _ in asked.only]), ("sort", [(asked.sort or "").lstrip("-")])):
        for key in keys:
            if key and key not in by_key:
                raise Declined(Kind.CONTRADICTION, f"{field}: expected one of {', '.join(by_key)}", field=field)
    found = [row for row in rows if all(_has(by_key[key].value(row), value) for key, value in asked.only)]
    if asked.text is not None:
        sought = asked.text.casefold()
        found = [row for row in found if any(sought in text for column in columns for text in _sought(column, row))]
    return found if asked.sort is None else _sorted(found, by_key, asked)


def _has(value: Any, wanted: str) -> bool:
    listed = value if isinstance(value, list) else [value]
    return any(one is not None and _plain(one) == wanted for one in listed)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sought(column: Column, row: Row) -> Iterable[str]:
    """The texts in which one seeks: what is read, in both languages, and the code."""
    value = column.value(row)
    codes = [value] if isinstance(value, str) else []
    return (text.casefold() for text in (*column.texts(row), *codes))


def _sorted(rows: list[Row], columns: Mapping[str, Column], asked: ListAsked) -> list[Row]:
    """By values, or by what is read where they are codes; what has none comes last in both directions."""
    sort = asked.sort or ""
    column, descending = columns[sort.lstrip("-")], sort.startswith("-")
    read = 0 if asked.language == "zh" else 1

    def key(row: Row) -> Any:
        value = column.value(row)
        return value if isinstance(value, (int, float, date)) else column.texts(row)[read].casefold()

    with_value = [row for row in rows if column.value(row) not in (None, [], "")]
    without = [row for row in rows if column.value(row) in (None, [], "")]
    return [*sorted(with_value, key=key, reverse=descending), *without]


class ListFile(NamedTuple):
    """A list for a file. told: the answer that it belongs to; length: the number of its rows."""

    form: ListForm
    told: Row
    rows: Iterable[Row]
    length: int


def file_answer(resources: Resources, asked: ListAsked, file: ListFile, columns: Sequence[Column]) -> Response[bytes]:
    """Return the list as a file. Raise Declined (422) if it is too long or lacks a requested column."""
    if file.length > MOST_FILE_ROWS:
        detail = f"expected at most {MOST_FILE_ROWS} rows in a file, got {file.length}: narrow the list"
        raise Declined(Kind.CONTRADICTION, detail, field="format")
    by_key = {column.key: column for column in columns}
    unknown = [key for key in asked.columns or () if key not in by_key]
    if unknown:
        raise Declined(Kind.CONTRADICTION, f"columns: expected some of {', '.join(by_key)}", field="columns")
    chosen = [column for column in columns if asked.columns is None or column.key in asked.columns]
    zh = asked.language == "zh"
    place = resources.book.names("region", file.told["region"], file.told["region"])
    today = resources.today()
    title = f"{file.form.zh if zh else file.form.en}-{place.zh if zh else place.en}-{today:%Y%m%d}"
    assert asked.form is not None
    content = written(
        asked.form, Filed(title, _heads(chosen, zh=zh), (_cells(row, chosen, zh=zh) for row in file.rows))
    )
    return download(content.bytes, f"{title}.{asked.form}", content.media_type)


def _heads(columns: Sequence[Column], *, zh: bool) -> list[tuple[str, str]]:
    """Heads and units: beside a column of names that of their codes."""
    heads = []
    for column in columns:
        heads.append((column.zh if zh else column.en, column.unit))
        if column.code is not None:
            heads.append((column.code[0 if zh else 1], ""))
    return heads


def _cells(row: Row, columns: Sequence[Column], *, zh: bool) -> list[Any]:
    cells: list[Any] = []
    for column in columns:
        value = column.value(row)
        is_value = isinstance(value, (int, float, date)) and not isinstance(value, bool) and column.words is None
        cells.append(value if is_value and column.code is None else column.texts(row)[0 if zh else 1])
        if column.code is not None:
            cells.append("" if value is None else str(value))
    return cells
