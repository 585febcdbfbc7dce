"""Drafts of the catalogue: the changes, the figures that they would give, and whether the draft was handed on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Engine,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    insert,
    select,
    update,
)

from hallpulse.domain.figures import Scope

from .audit import AuditEntry, write
from .database import transaction
from .tables import metadata

_MOST = 200

drafts = Table(
    "drafts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("region", Integer, nullable=False),
    Column("department", Text, comment="whose items alone it changes"),
    Column("name", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("upload", BigInteger, comment="as which it was handed on"),
    Column("asked", LargeBinary, nullable=False, comment="JSON: the day and the changes"),
    Column("told", LargeBinary, nullable=False, comment="JSON: figures and targets before and after"),
    Index("drafts_of", "region", "id"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft of the catalogue.

    department: the only one whose items it changes, None for any; asked: the day and the changes, as JSON; told: the
    figures and targets before and after, as JSON; upload: the number of the upload as which it was handed on.
    """

    region: int
    department: str | None
    name: str
    by: str
    at: datetime
    asked: Any
    told: Any
    id: int = 0
    upload: int | None = None


class Drafts:
    """The stored drafts. Every method is one transaction and raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, draft: Draft) -> int:
        """Keep a draft and record it in the audit under its author; return its number."""
        row = {name: getattr(draft, name) for name in ("region", "department", "name", "by", "at")}
        row |= {name: json.dumps(getattr(draft, name)).encode() for name in ("asked", "told")}
        detail = {"department": draft.department, "changes": len(draft.asked.get("changes") or ())}
        with transaction(self._engine) as connection:
            number = int(connection.execute(insert(drafts).values(**row).returning(drafts.c.id)).scalar_one())
            entry = AuditEntry("draft.save", draft.name, draft.region, {**detail, "draft": number}, draft.by)
            write(connection, self._actor, entry)
        return number

    def list(self, region: int, department: str | None = None) -> Sequence[Draft]:
        """Return the newest drafts of a region, or only those of one department's items."""
        query = select(drafts).where(drafts.c.region == region)
        if department is not None:
            query = query.where(drafts.c.department == department)
        with transaction(self._engine) as connection:
            return [_draft(row) for row in connection.execute(query.order_by(drafts.c.id.desc()).limit(_MOST))]

    def get(self, number: int) -> Draft | None:
        with transaction(self._engine) as connection:
            row = connection.execute(select(drafts).where(drafts.c.id == number)).one_or_none()
        return None if row is None else _draft(row)

    def whose(self, number: int) -> Scope | None:
        """Return the region and department of a draft. It takes the same work whether there is one or not."""
        query = select(drafts.c.region, drafts.c.department).where(drafts.c.id == number)
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Scope(row.region, row.department)

    def hand_on(self, number: int, upload: int) -> None:
        """Note the number of the upload that was made of a draft when it was handed on."""
        with transaction(self._engine) as connection:
            connection.execute(update(drafts).where(drafts.c.id == number).values(upload=upload))


def _draft(row: Any) -> Draft:
    return Draft(
        row.region, row.department, row.name, row.by, row.at, json.loads(row.asked), json.loads(row.told), row.id,
        row.upload,
    )  # fmt: skip
