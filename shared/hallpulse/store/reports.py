"""Published reports, kept with their figures and files. Reports are only added, and each seal rests on the one before.

A seal is the SHA-256 of the seal before it and of everything that the report was published with. If a figure, a file or
a row is changed or removed later, its seal no longer fits, nor do the seals after it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from hallpulse.domain.errors import HallpulseError
from hallpulse.domain.figures import Figure

from .audit import AuditEntry, write
from .database import transaction
from .tables import calendars, report_files, reports

_ONE_AT_A_TIME = 20114


class ReportExists(HallpulseError):
    """A report of the same subject is already published. number: the number of that report."""

    def __init__(self, number: int) -> None:
        super().__init__(f"published as report {number}")
        self.number = number


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report in one form, with its exact bytes."""

    form: str
    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class About:
    """The subject of a kept report, besides its region and its month.

    department, hall: set if the report is about one only; language: zh, or both for Chinese with English; draft: the
    report was made but not published.
    """

    department: str | None = None
    hall: str | None = None
    language: str = "zh"
    draft: bool = False

    def said(self) -> dict[str, object]:
        """Return the fields that differ from those of a published report of a whole region in Chinese."""
        plain = About()
        return {name: value for name in _ABOUT if (value := getattr(self, name)) != getattr(plain, name)}


_ABOUT = ("department", "hall", "language", "draft")


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report to keep. taken: moment of its figures, microseconds since 1970-01-01 UTC; publisher: a person's name."""

    region: int
    month: str
    plan: str
    taken: int
    figures: Mapping[str, Figure]
    files: Sequence[ReportFile]
    about: About = About()
    publisher: str = ""


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """A report as it was published.

    claimed: who published it, as the program states; actor: the database role that published it; month: YYYY-MM, or a
    quarter or a year; taken: the moment of its figures, microseconds since 1970-01-01 UTC; calendars: the digest of
    those in force then; files: form → SHA-256 of the kept content; intact: whether the report still fits its seal.
    """

    id: int
    at: datetime
    actor: str
    claimed: str
    region: int
    month: str
    plan: str
    taken: int
    calendars: str
    figures: Mapping[str, Figure]
    files: Mapping[str, str]
    intact: bool
    about: About = About()


class ReportArchive:
    """The published reports. Every method raises Unavailable if the database cannot be reached.

    actor: stored as the publisher; the database adds the role that really wrote the report.
    """

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def keep(self, report: NewReport, *, again: bool = True) -> int:
        """Keep a report and record it in the audit; return its number.

        Raises ReportExists, and keeps nothing, if a report of the same subject is already published and `again` is
        false. Two processes that publish at the same time take turns.
        """
        claimed = f"{report.publisher} by {self._actor}" if report.publisher else self._actor
        values = (claimed, report.region, report.month, report.plan, report.taken, "")
        row: dict[str, Any] = dict(zip(_SEALED, values, strict=True))
        figures = {name: _pair(figure) for name, figure in report.figures.items()}
        said, hashes = report.about.said(), {file.form: file.sha256 for file in report.files}
        with transaction(self._engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            if not again:
                _refuse_twice(connection, report, said)
            row["calendars"] = calendars_digest(connection)
            before = connection.execute(select(reports.c.seal).order_by(reports.c.id.desc()).limit(1)).scalar() or ""
            seal = _seal(before, row, figures, hashes, said)
            statement = insert(reports).values(**row, figures=figures, seal=seal, about=said).returning(reports.c.id)
            number = int(connection.execute(statement).scalar_one())
            connection.execute(
                insert(report_files),
                [
                    {"report": number, "format": f.form, "name": f.name, "media_type": f.media_type,
                     "sha256": f.sha256, "content": f.content}
                    for f in report.files
                ],
            )  # fmt: skip
            action = "report.draft" if report.about.draft else "report.publish"
            detail = {"id": number, "sha256": hashes, **said}
            write(connection, claimed, AuditEntry(action, f"{report.region}-{report.month}", report.region, detail))
        return number

    def list(self, region: int | None = None, *, drafts: bool = False) -> list[PublishedReport]:
        """Return reports of a region or of all, the newest first, with `drafts` or without.

        The reports of all regions are read, since each seal rests on the one before.
        """
        columns = report_files.c.report, report_files.c.format, text("encode(sha256(content), 'hex')")
        found, seal = [], ""
        with transaction(self._engine) as connection:
            hashes: dict[int, dict[str, str]] = {}
            for number, form, digest in connection.execute(select(*columns)):
                hashes.setdefault(number, {})[form] = digest
            for row in connection.execute(select(reports).order_by(reports.c.id)):
                found.append(_published(row, seal, hashes.get(row.id, {})))
                seal = row.seal
        return [one for one in reversed(found) if region in (None, one.region) and (drafts or not one.about.draft)]

    def file(self, number: int, form: str) -> ReportFile | None:
        """Return a report in one form, or None."""
        wanted = (report_files.c.report == number, report_files.c.format == form)
        columns = report_files.c.format, report_files.c.name, report_files.c.media_type, report_files.c.content
        with transaction(self._engine) as connection:
            row = connection.execute(select(*columns).where(*wanted)).one_or_none()
        return None if row is None else ReportFile(row[0], row[1], row[2], bytes(row[3]))


def _refuse_twice(connection: Connection, report: NewReport, said: Mapping[str, object]) -> None:
    same = (reports.c.region == report.region, reports.c.month == report.month)
    for number, about in connection.execute(select(reports.c.id, reports.c.about).where(*same)):
        if dict(about or {}) == dict(said):
            raise ReportExists(number)


def calendars_digest(connection: Connection) -> str:
    """Return one digest of all calendars in force."""
    rows = connection.execute(select(calendars.c.scope, calendars.c.digest).order_by(calendars.c.scope))
    return hashlib.sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()


def _published(row: Any, seal_before: str, files: Mapping[str, str]) -> PublishedReport:
    said = {name: (int(pair[0]), int(pair[1])) for name, pair in row.figures.items()}
    given = {name: getattr(row, name) for name in _SEALED}
    figures = {name: Figure(*pair) for name, pair in said.items()}
    intact = row.seal == _seal(seal_before, given, said, files, row.about)
    about = About(**{name: row.about[name] for name in _ABOUT if name in row.about})
    return PublishedReport(row.id, row.at, row.actor, **given, figures=figures, files=files, intact=intact, about=about)


_SEALED = ("claimed", "region", "month", "plan", "taken", "calendars")


def _pair(figure: Figure) -> tuple[int, int]:
    return figure.numerator, figure.denominator


def _seal(
    before: str,
    row: Mapping[str, object],
    figures: Mapping[str, tuple[int, int]],
    files: Mapping[str, str],
    about: Mapping[str, object],
) -> str:
    """Return the seal of a report; an empty `about` adds nothing, so that seals of the first version still fit."""
    said = [before, dict(row), {name: list(pair) for name, pair in figures.items()}, dict(files)]
    said += [dict(about)] if about else []
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
