"""How figures are shown to people."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hallpulse.display import amount, difference, parts
from hallpulse.domain.figures import Figure


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (Fraction(382, 1196), "share", "31.94 %"),
        (Fraction(1), "share", "100.00 %"),
        (Fraction(26536, 686), "days", "38.68"),
        (Fraction(196), "count", "196"),
        (None, "share", "—"),
        (Fraction(1, 1_000_000), "share", "0.0001 %"),
    ],
)
def test_an_amount_is_shown_in_its_unit(value: Fraction | None, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (Fraction(-123, 10_000), "share", "−1.23"),
        (Fraction(318, 10_000), "share", "+3.18"),
        (Fraction(0), "share", "+0.00"),
        (Fraction(-1, 1_000_000), "share", "−0.0001"),
        (Fraction(-1), "count", "−1"),
        (None, "count", "—"),
    ],
)
def test_a_gap_has_its_sign_and_is_never_shown_as_none(value: Fraction | None, unit: str, shown: str) -> None:
    assert difference(value, unit) == shown


def test_parts_are_the_two_integers() -> None:
    assert parts(Figure(502, 1203), "share") == "502/1203"
    assert parts(Figure(3, 1), "count") == ""
