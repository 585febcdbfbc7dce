from __future__ import annotations

import random
import uuid
from datetime import date, timedelta

import pytest

from hallpulse.contract.personal import is_personal
from hallpulse.contract.reasons import Reason
from tests.hall_events import changed, refused

YEAR = 2026
WEIGHTS = [2 ** (17 - position) % 11 for position in range(17)]


def identity(body: str) -> str:
    """17 digits and their check character, by ISO 7064 mod 11-2 as the standard defines it."""
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True))
    return body + "0123456789X"[(12 - total % 11) % 11]


@pytest.mark.parametrize(
    "text",
    [
        "11010519491231002X",
        "11010519491231002x",
        "身份证号11010519491231002X，已核",
        "CASE-11010519491231002X",
        "id=11010519491231002X;",
        "440524188001010014",
        "１１０１０５１９４９１２３１００２Ｘ",
        identity("22242420150703101"),
        identity("91110519900307451"),
        "13800138000",
        "tel:13800138000",
        "+8613800138000",
        "8613800138000",
        "008613800138000",
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        "86 13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "电话１３８００１３８０００",
        "19912345678",
    ],
)
def test_numbers_of_persons_are_found(text: str) -> None:
    assert is_personal(text, YEAR)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("110105194912310021", "the check character is wrong"),
        (identity("11010519490230002"), "30 February is no date of birth"),
        (identity("11010520270703002"), "nobody is born after the event"),
        (identity("20010519900703002"), "20 is no province"),
        ("x11010519491231002X", "a longer word"),
        ("11010519491231002X1", "a longer word"),
        ("110105491231002", "15 digits: the old form, which ordinary case numbers have"),
        ("12800138000", "no mobile begins with 12"),
        ("138001380001", "12 digits"),
        ("113800138000", "12 digits"),
        ("A13800138000", "a longer word"),
        ("1380-0138-000", "not written 3-4-4"),
        ("0433-8812345", "a telephone of an office"),
        ("12345", "a hotline"),
        ("A7-000094", "a case number"),
        ("2026-0213-0001", "a case number"),
        ("20260211000123", "a case number: date and serial"),
        ("222424202602110001", "a case number: region, date and serial"),
        ("222424260211001", "a case number of 15 digits: region, date and serial"),
        ("138-2026-0001", "a case number: department, year and serial"),
        ("1541815603606036480", "a number of 19 digits"),
        ("2203022306150001", "a number of 16 digits"),
        ("11220000MB1519625Q4222017091000", "an item code"),
        ("1767225600000", "a time in milliseconds"),
    ],
)
def test_ordinary_numbers_are_not(text: str, why: str) -> None:
    assert not is_personal(text, YEAR), why


def test_case_numbers_of_region_date_and_serial_pass_whatever_their_last_character() -> None:
    for days in range(0, 1500, 7):
        day = date(YEAR, 6, 30) - timedelta(days)
        assert not any(is_personal(f"222424{day:%Y%m%d}{serial:04d}", YEAR) for serial in range(40))
        assert not is_personal(identity(f"130102{day:%Y%m%d}001"), YEAR)


def test_uuids_and_serials_pass() -> None:
    chance = random.Random(7)
    for _ in range(20_000):
        made = uuid.UUID(int=chance.getrandbits(128), version=4)
        assert not is_personal(str(made), YEAR)
        assert not is_personal(made.hex, YEAR)
        assert not is_personal(f"hall-1-{made}", YEAR)


def test_the_name_of_an_extension_is_looked_at_too() -> None:
    refused({**changed(), "13800138000": 1}, Reason.PERSONAL_DATA, "the name of an attribute")
