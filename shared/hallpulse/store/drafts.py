"""Drafts of the catalogue: the changes, what the figures would then be, and whether the draft was handed on."""

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
    """A draft. department: whose items alone it changes; asked, told: JSON; upload: as which it was handed on."""

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
    """Every method is one transaction and raises Unavailable when the database cannot be reached."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, draft: Draft) -> int:
        """Keep a draft, and a line of the audit with its author; return its number."""
        row = {name: getattr(draft, name) for name in ("region", "department", "name", "by", "at")}
        row |= {name: json.dumps(getattr(draft, name)).encode() for name in ("asked", "told")}
        detail = {"department": draft.department, "changes": len(draft.asked.get("changes") or ())}
        with transaction(self._engine) as connection:
            number = int(connection.execute(insert(drafts).values(**row).returning(drafts.c.id)).scalar_one())
            deed = AuditEntry("draft.save", draft.name, draft.region, {**detail, "draft": number}, draft.by)
            write(connection, self._actor, deed)
        return number

    def list(self, region: int, department: str | None = None) -> Sequence[Draft]:
        """Return the newest drafts of a region, or those of one department's items."""
        query = select(drafts).where(drafts.c.region == region)
        if department is not None:
            query = query.where(drafts.c.department == department)
        with transaction(self._engine) as connection:
            return [_draft(row) for row in connection.execute(query.order_by(drafts.c.id.desc()).limit(_MOST))]

    def get(self, number: int) -> Draft | None:
        with transaction(self._engine) as connection:
            row = connection.execute(select(drafts).where(drafts.c.id == number)).one_or_none()
        return None if row is None else _draft(row)

    def hand_on(self, number: int, upload: int) -> None:
        """Note as which upload a draft was handed on."""
        with transaction(self._engine) as connection:
            connection.execute(update(drafts).where(drafts.c.id == number).values(upload=upload))


def _draft(row: Any) -> Draft:
    return Draft(
        row.region, row.department, row.name, row.by, row.at, json.loads(row.asked), json.loads(row.told), row.id,
        row.upload,
    )  # fmt: skip
