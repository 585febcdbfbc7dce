"""The recipe of CONTRIBUTING.md, "Add an indicator", and rows of docs/architecture.md, carried out on a copy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("services", "shared", "tests", "plans", "calendars", "profiles", "docs", "scripts", "pyproject.toml")
TABLE_ENDS = ")  # fmt: skip\n\nCOMPUTED:"
ASK = """
import json, sys
from datetime import date
from pathlib import Path
from litestar.testing import TestClient
import hallpulse.domain.indicators as indicators
from hallpulse.contract.events import EventType
from hallpulse.store import open_store
from services.gateway.app import create_app
from tests.gateway_ground import READ_TOKEN, make_resources
from tests.hall_events import changed
from tests.merging import decoded, merge_all

assert Path(indicators.__file__).is_relative_to(Path.cwd()), indicators.__file__
store = open_store(sys.argv[1])
events = []
for number, kind in enumerate((EventType.CASE_REJECTED, EventType.CASE_ACCEPTED, EventType.CASE_ACCEPTED)):
    for step, of in enumerate((EventType.CASE_RECEIVED, kind)):
        attributes = {"id": f"e-{number}-{step}", "time": f"2026-03-0{2 + step}T09:00:00+08:00"}
        events.append(changed(of, {"case_id": f"c-{number}"}, **attributes))
merge_all(store, decoded(events), 2)
with TestClient(create_app(make_resources(store))) as client:
    query = "region=222424&from=2026-03-01&to=2026-03-31"
    answer = client.get(f"/v1/indicators?{query}", headers={"Authorization": f"Bearer {READ_TOKEN}"})
store.close()
print(json.dumps(answer.json()))
"""


SECTION = '''"""The section on the weather."""

from hallpulse.contract.reasons import Sentence
from services.reports.monthly.document import Paragraph, Section
from services.reports.monthly.report import MonthlyReport

PLACE = 99


def section(report: MonthlyReport) -> Section:
    return Section(Sentence("天气", "Weather"), (Paragraph(Sentence("晴。", "Fine.")),))
'''
WRITE = """
from services.reports.monthly import document_of, monthly_report
from tests.reporting import material

print(document_of(monthly_report(material()), "both").sections[-1].head.en)
"""
RULE = '''@dataclass(frozen=True, slots=True)
class Above(_Rising):
    """A value must lie above a bar, not on it."""

    kind: ClassVar[str] = "above"
    bar: Fraction

    def goal(self, _reference: Fraction | None = None) -> Fraction | None:
        return self.bar

    def keeps(self, value: Fraction, bar: Fraction) -> bool:
        return value > bar


'''
JUDGE = """
import json, sys
from pathlib import Path
from litestar.testing import TestClient
from hallpulse.domain.figures import Figure
from hallpulse.plans import load_plan
from services.gateway.app import create_app
from tests.gateway_ground import READ_TOKEN, make_resources
from tests.moments import StatedStore

plan = load_plan(Path(sys.argv[1]))
store = StatedStore(own={"settled_item_share": Figure(92, 100)})
with TestClient(create_app(make_resources(store, plans=[plan]))) as client:
    query = f"region={plan.region}&on={plan.period.end}"
    answer = client.get(f"/v1/targets?{query}", headers={"Authorization": f"Bearer {READ_TOKEN}"})
print(json.dumps(answer.json()))
"""


def recipe() -> str:
    """The entry that CONTRIBUTING.md tells to add."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Add an indicator")[2]
    entry = re.search(r"```python\n(.+?)```", text, re.DOTALL)
    assert entry is not None
    return f"    {entry[1].strip()},\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy: Path, *arguments: str) -> str:
    """Run the copy's own code, and return what it prints."""
    environment = os.environ | {"PYTHONPATH": f"{copy / 'shared'}:{copy}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = (sys.executable, *arguments)
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def changed_files(copy: Path) -> list[str]:
    """The files of the copy that differ from the tree's, new ones too."""
    there = (path.relative_to(copy) for path in copy.rglob("*") if path.is_file())
    return sorted(str(path) for path in there if not _same(ROOT / path, copy / path))


def _same(one: Path, other: Path) -> bool:
    return one.exists() and one.read_bytes() == other.read_bytes()


def test_an_indicator_is_added_by_one_entry_in_one_file(copy: Path, store_url: str) -> None:
    table = copy / "shared" / "hallpulse" / "domain" / "indicators.py"
    before = table.read_text(encoding="utf-8")
    assert before.count(TABLE_ENDS) == 1
    table.write_text(before.replace(TABLE_ENDS, recipe() + TABLE_ENDS), encoding="utf-8")

    run(copy, "scripts/indicators_table.py", "--write")
    answer = json.loads(run(copy, "-c", ASK, store_url))

    (found,) = (one for one in answer["indicators"] if one["id"] == "rejected_of_received")
    assert (found["numerator"], found["denominator"]) == (1, 3)
    assert found["names"] == {"zh": "不予受理占比", "en": "rejected of received cases"}
    assert "| rejected_of_received 不予受理占比 |" in (copy / "docs" / "indicators.md").read_text(encoding="utf-8")
    product = [path for path in changed_files(copy) if not path.startswith("docs/")]
    assert product == ["shared/hallpulse/domain/indicators.py"]


def test_a_section_of_the_report_is_added_by_one_file(copy: Path) -> None:
    section = copy / "services" / "reports" / "monthly" / "sections" / "weather.py"
    section.write_text(SECTION, encoding="utf-8")
    assert run(copy, "-c", WRITE).strip().endswith(". Weather"), "the last of the numbered sections"
    assert changed_files(copy) == ["services/reports/monthly/sections/weather.py"]


def test_a_target_rule_that_compares_with_a_bar_is_added_in_one_file(copy: Path) -> None:
    rules = copy / "shared" / "hallpulse" / "domain" / "rules.py"
    before = rules.read_text(encoding="utf-8")
    with_it = before.replace("Rule = AtLeast |", f"{RULE}Rule = Above | AtLeast |").replace(
        "BARS = (", "BARS = (Above, "
    )
    rules.write_text(with_it, encoding="utf-8")
    plan = copy / "plans" / "222424-2023.yaml"
    text = plan.read_text(encoding="utf-8")
    assert "rule: {at_least: 92 %}" in text
    plan.write_text(text.replace("rule: {at_least: 92 %}", "rule: {above: 92 %}"), encoding="utf-8")

    answer = json.loads(run(copy, "-c", JUDGE, str(plan)))

    (found,) = (one for one in answer["targets"] if one["rule"]["kind"] == "above")
    assert (found["indicator"], found["rule"]["direction"], found["goal"]) == ("settled_item_share", "up", 0.92)
    assert (found["value"], found["met"]) == (0.92, False), "on the bar is not above it"
    assert changed_files(copy) == ["plans/222424-2023.yaml", "shared/hallpulse/domain/rules.py"]
