"""The texts of the page: there in both languages for every code that an answer may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from hallpulse.contract.events import Channel, Procedure
from hallpulse.domain.case import Flag
from hallpulse.domain.measures import STATES
from hallpulse.store import ROLES
from services.gateway.problems import WRITES
from services.gateway.provider_sign_in import ProviderFault
from tests.script_texts import fields_of_requests

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "services" / "gateway" / "page"
WORDS = re.findall(
    r'^  "?([\w-]+)"?: \[\s*"(.*?)",\s*"(.*?)",?\s*\]',
    "\n".join(path.read_text() for path in sorted(PAGE.glob("*words.js"))),
    re.MULTILINE,
)
TEXTS = {name: (zh, en) for name, zh, en in WORDS}
CHINESE = re.compile(r"[\u3400-\u9fff]")
HALF_WIDTH = re.compile(r"[\u3400-\u9fff）”](\s?[,;:!?]|\()|[,;:!?(][\u3400-\u9fff]|[\u3400-\u9fff]\)")
SAME = {"language", "noValue"}
LIVE = (
    "database", "broker", "ingest_stopped", "ingest_absent", "ingest_silent", "lag", "backlog", "hall_silent",
    "hall_never",
)  # fmt: skip
WRITTEN = {re.sub(r"\W.*", "", one.rpartition(": ")[2].lstrip("?")) for one in fields_of_requests()} - {
    "region", "department", "figures", "password", "old", "new",
}  # fmt: skip
"""The fields that people write, and that the gateway may find wrong; a password is judged in both languages there."""
CODES = {
    "flag": [flag.name.lower() for flag in Flag if flag.name],
    "open": STATES,
    "role": ROLES,
    "channel": get_args(Channel),
    "procedure": get_args(Procedure),
    "live": LIVE,
    "refusedSignIn": [*ProviderFault, "unavailable"],
    "severity": ["critical", "warning", "info"],
    "refused": [str(status) for status in (*WRITES, 404, 409)],
    "wrong": sorted(WRITTEN),
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


def test_no_file_of_texts_takes_the_name_of_a_text_of_another() -> None:
    """`addWords` would put the later one in the place of the earlier one, silently."""
    names = [name for name, _, _ in WORDS]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_every_text_that_the_page_asks_for_is_there() -> None:
    for path in PAGE.glob("*.js"):
        for name in re.findall(r'\bsay\("(\w+)"', path.read_text()):
            assert name in TEXTS, f"{path.name}: {name}"


def texts(node: object) -> Iterator[str]:
    """Yield every text of a document, at any depth."""
    if isinstance(node, str):
        yield node
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts(one)


@pytest.mark.parametrize("kind", ["words", "plans", "boards"])
def test_chinese_texts_have_chinese_punctuation(kind: str) -> None:
    written = {
        "words": lambda: (zh for zh, _ in TEXTS.values()),
        "plans": lambda: (
            text for path in (ROOT / "plans").glob("*.yaml") for text in texts(yaml.safe_load(path.read_text()))
        ),
        "boards": lambda: (
            text
            for path in (ROOT / "grafana" / "dashboards" / "zh").glob("*.json")
            for text in texts(json.loads(path.read_text()))
        ),
    }
    found = list(written[kind]())
    assert any(CHINESE.search(one) for one in found)
    assert [one for one in found if HALF_WIDTH.search(one)] == []
