"""The bureau's reviews of departments' monthly reports: seen, or returned with a reason. Rows are only added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, Column, DateTime, Engine, Identity, Index, Integer, Table, Text, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB

from .audit import AuditEntry, write
from .database import transaction
from .tables import metadata

Verdict = Literal["seen", "returned"]

figure_reviews = Table(
    "figure_reviews",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("region", Integer, nullable=False),
    Column("department", Text, nullable=False),
    Column("month", Text, nullable=False, comment="YYYY-MM"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("verdict", Text, nullable=False, comment="seen or returned"),
    Column("reason", Text, nullable=False),
    Column("revisions", JSONB, nullable=False, comment="indicator -> the revision that was judged"),
    Index("figure_reviews_of", "region", "month", "department"),
)


@dataclass(frozen=True, slots=True)
class Review:
    """A review. revisions: indicator → the reviewed revision; of a returned report, only those to be corrected."""

    region: int
    department: str
    month: str
    at: datetime
    by: str
    verdict: Verdict
    reason: str
    revisions: Mapping[str, int]


class ReviewRegistry:
    """The stored reviews. Every method is one transaction and raises Unavailable if the database cannot be reached."""

    def __init__(self, engine: Engine, actor: str) -> None:
        self._engine = engine
        self._actor = actor

    def add(self, review: Review) -> None:
        """Store a review, and record it in the audit with the person who made it."""
        names = ("region", "department", "month", "at", "by", "verdict", "reason")
        row = {name: getattr(review, name) for name in names} | {"revisions": dict(review.revisions)}
        detail = {"department": review.department, "reason": review.reason, "revisions": dict(review.revisions)}
        entry = AuditEntry(f"figures.{review.verdict}", review.month, review.region, detail, review.by)
        with transaction(self._engine) as connection:
            connection.execute(insert(figure_reviews).values(**row))
            write(connection, self._actor, entry)

    def latest(self, region: int, department: str | None = None) -> Mapping[tuple[str, str], Review]:
        """Return the last review of each report: (department, month) → review."""
        newest = select(func.max(figure_reviews.c.id)).where(figure_reviews.c.region == region)
        if department is not None:
            newest = newest.where(figure_reviews.c.department == department)
        newest = newest.group_by(figure_reviews.c.department, figure_reviews.c.month)
        query = select(figure_reviews).where(figure_reviews.c.id.in_(newest))
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return {
            (row.department, row.month): Review(
                row.region, row.department, row.month, row.at, row.by, row.verdict, row.reason, row.revisions
            )
            for row in rows
        }
