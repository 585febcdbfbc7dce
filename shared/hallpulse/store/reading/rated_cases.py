"""Ratings that persons gave: how many of each score, and the bad ones with their answers."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from hallpulse.domain.figures import Scope, Window
from hallpulse.domain.ratings import BAD, BadRating, Ratings, answered_on
from hallpulse.domain.workdays import date_of
from hallpulse.store.database import unpack_history

MOST_BAD = 500
"""How many bad ratings are listed, the latest first."""


def read_ratings(connection: Connection, scope: Scope, window: Window) -> Ratings:
    """Return the ratings given in the window, without ratings by default."""
    low, high = scope.bounds
    given = {
        "low": low,
        "high": high,
        "department": scope.department,
        "hall": scope.hall,
        "start": window.start,
        "end": window.end,
        "bad": BAD,
        "most": MOST_BAD,
    }
    narrow = " AND c.department = :department" if scope.department is not None else ""
    narrow += " AND c.hall = :hall" if scope.hall is not None else ""
    where = (
        f"FROM cases c WHERE c.region BETWEEN :low AND :high{narrow} AND c.rated BETWEEN :start AND :end"
        " AND NOT c.rated_by_default AND c.score IS NOT NULL"
    )
    counted = connection.execute(
        text(f"SELECT c.region, c.hall, c.department, c.score, count(*) {where} GROUP BY 1, 2, 3, 4"), given
    )
    counts = {(region, hall, department or "", score): n for region, hall, department, score, n in counted}
    rows = connection.execute(
        text(
            "SELECT c.region, c.hall, c.case_id, c.item_code, coalesce(c.department, ''), c.rated, c.score,"
            f" c.rating_verified, c.rating_rectified, c.history {where} AND c.score <= :bad"
            " ORDER BY c.rated DESC, c.region, c.hall, c.case_id LIMIT :most"
        ),
        given,
    )
    bad = [
        BadRating(region, hall, id_, item, department, rated, score, verified, rectified, _answered(bytes(history)))
        for region, hall, id_, item, department, rated, score, verified, rectified, history in rows
    ]
    return Ratings(counts, bad, sum(n for (*_, score), n in counts.items() if score <= BAD))


def _answered(history: bytes) -> date | None:
    day = answered_on(unpack_history(history))
    return None if day is None else date_of(day)
