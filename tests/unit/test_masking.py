from __future__ import annotations

import json

import pytest

from hallpulse.contract.personal import escaped, fit_to_show, masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13800138000", "*********00"),
        ("138-0013-8000", "***-****-**00"),
        ("+86 138 0013 8000", "+** *** **** **00"),
        ("11010519491231002X", "***************02X"),
        ("110105 19491231 002X", "****** ******** *02X"),
        ("１３８００１３８０００", "*********００"),
        (r'"\u0031\u0033\u0038\u0030\u0030\u0031\u0033\u0038\u0030\u0030\u0030"', '"*********00"'),
        ("1\x003\x008\x000\x000\x001\x003\x008\x000\x000\x000", "*\x00*\x00*\x00*\x00*\x00*\x00*\x00*\x00*\x000\x000"),
        ('{"tel":13800138000}', '{"tel":*********00}'),
        ("0433-8812345", "****-*****45"),
        ("8812345", "*****45"),
    ],
)
def test_a_number_that_may_be_a_persons_is_hidden(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    ["/222424/hall-1", "2023-06-02T09:30:00+08:00", "2023-06-02 09:30", "WQ-2023-000094", r"\u6c49\u005c", "1e9"],
)
def test_what_a_person_needs_to_read_stays(text: str) -> None:
    assert masked(text) == text


def test_a_terminal_gets_nothing_to_obey() -> None:
    assert fit_to_show("a\x1b[2Jb\u202ec\r\n\td\x00") == "a\ufffd[2Jb\ufffdc\ufffd\n\td\ufffd"


def test_what_a_terminal_would_obey_is_written_out_and_all_else_stays() -> None:
    assert escaped("a\x1b[2J\x9b\u202eb\u2028\r\ufeff") == r"a\x1b[2J\x9b\u202eb\u2028\x0d\ufeff"
    assert escaped("汉\u3000字\u00a0\tb\r\nc\n") == "汉\u3000字\u00a0\tb\nc\n"


def test_masking_long_texts_takes_no_time() -> None:
    body = json.dumps({"a": "1 " * 1_000_000, "b": "1-23456 " * 100_000})
    assert len(masked(body)) == len(body)
