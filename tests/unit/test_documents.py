"""What the documents say of closed lists is what the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from hallpulse.contract.reasons import Reason
from hallpulse.domain.clockface import flag_names
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.integrity import CHECKS

DOCS = Path(__file__).parents[2] / "docs"
NAMED = re.compile(r"`(test_[a-z0-9_]+)`").findall


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_refusal_reason_is_explained_in_both_languages() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$", text("publishing.md"), re.MULTILINE)
    assert rows == [(str(reason), reason.zh, reason.en) for reason in Reason]


def test_every_indicator_flag_and_check_is_explained() -> None:
    page = text("indicators.md") + text("integrity.md")
    named = [*COMPUTED, *flag_names(-1), *(check.id for check in CHECKS)]
    assert [name for name in named if name not in page] == []


def test_links_between_documents_lead_somewhere() -> None:
    root = DOCS.parent
    for page in [root / "README.md", root / "README.zh-CN.md", root / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_file_that_the_architecture_names_is_there() -> None:
    named = re.findall(r"`((?:services|shared|docs|scripts|plans|profiles|deploy)/[^`]*)`", text("architecture.md"))
    assert len(named) > 40
    assert [path for path in named if not (DOCS.parent / path).exists()] == []


def test_every_attack_is_told_with_what_it_got() -> None:
    files = list(Path(__file__).parents[1].rglob("test_*.py"))
    marked = {name for path in files for name in attacks(path)}
    named = set(NAMED(text("security.md")))
    assert len(marked) >= 25
    assert marked - named == set()
    assert named - {name for path in files for name in every_test_in(path)} == set()


def test_every_claim_of_the_threat_model_names_a_test() -> None:
    model = text("security.md").partition("## 威胁模型")[2].partition("\n## ")[0]
    claims = re.split(r"^\d+\. ", model, flags=re.MULTILINE)[1:]
    assert len(claims) >= 10
    assert [claim for claim in claims if not NAMED(claim)] == []


def every_test_in(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def attacks(path: Path) -> list[str]:
    """The tests of a file that bear the mark `attack`, by themselves or all together."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    tests = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    if "pytestmark = pytest.mark.attack" in [ast.unparse(node) for node in nodes]:
        return [test.name for test in tests]
    return [test.name for test in tests if "pytest.mark.attack" in [ast.unparse(d) for d in test.decorator_list]]
