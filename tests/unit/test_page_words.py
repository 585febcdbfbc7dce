"""The texts of the page: there in both languages for every code that an answer may hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from hallpulse.contract.events import Channel, Procedure
from hallpulse.domain.case import Flag
from hallpulse.domain.measures import STATES
from hallpulse.store import ROLES

PAGE = Path(__file__).parents[2] / "services" / "gateway" / "page"
WORDS = re.findall(
    r'^  (\w+): \[\s*"(.*?)",\s*"(.*?)",?\s*\]',
    "\n".join(path.read_text() for path in sorted(PAGE.glob("*words.js"))),
    re.MULTILINE,
)
TEXTS = {name: (zh, en) for name, zh, en in WORDS}
CHINESE = re.compile(r"[\u3400-\u9fff]")
SAME = {"language", "noValue"}
LIVE = (
    "database", "broker", "ingest_stopped", "ingest_absent", "ingest_silent", "lag", "backlog", "hall_silent",
    "hall_never",
)  # fmt: skip
CODES = {
    "flag": [flag.name.lower() for flag in Flag if flag.name],
    "open": STATES,
    "role": ROLES,
    "channel": get_args(Channel),
    "procedure": get_args(Procedure),
    "live": LIVE,
    "severity": ["critical", "warning", "info"],
}


@pytest.mark.parametrize("family", CODES)
def test_every_code_has_a_text(family: str) -> None:
    assert [code for code in CODES[family] if f"{family}_{code}" not in TEXTS] == []


def test_every_text_is_in_both_languages() -> None:
    assert len(TEXTS) > 300
    for name, (zh, en) in TEXTS.items():
        if name not in SAME:
            assert CHINESE.search(re.sub(r"\{\w+\}", "", zh)) or zh == en or "{" in zh, name
            assert not CHINESE.search(en), name
            assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), name


def test_every_text_that_the_page_asks_for_is_there() -> None:
    for path in PAGE.glob("*.js"):
        for name in re.findall(r'\bsay\("(\w+)"', path.read_text()):
            assert name in TEXTS, f"{path.name}: {name}"
