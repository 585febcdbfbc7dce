"""What holds for all of the code: read off its sources, so that whoever adds to it is told."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from openpyxl import load_workbook

from hallpulse.calendars.load import CalendarError, load_calendar
from hallpulse.display import safe_cell
from hallpulse.plans import PlanError, load_plan
from services.console.main import cli
from services.notices.channels import ChannelsError, load_channels

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text("utf-8") for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")}


@cache
def calls(path: Path) -> frozenset[str]:
    """The dotted names of everything that is called in a file."""
    nodes = ast.walk(ast.parse(SOURCES[path]))
    return frozenset(ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call))


def test_whoever_writes_a_table_makes_its_cells_safe() -> None:
    writers = [path for path in SOURCES if {"csv.writer", "csv.DictWriter", "Workbook"} & calls(path)]
    assert len(writers) >= 2
    for path in writers:
        assert "safe_cell" in SOURCES[path], path


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a"])
def test_a_cell_that_begins_like_a_formula_is_a_text(begins: str) -> None:
    assert safe_cell(begins) == f"'{begins}"
    assert safe_cell(f"x{begins}") == f"x{begins}"


@pytest.mark.parametrize("kind", ["catalogue", "cases"])
def test_no_template_holds_a_formula(kind: str, tmp_path: Path) -> None:
    for name in ("t.xlsx", "t.csv"):
        assert CliRunner().invoke(cli, ["template", kind, "-o", str(tmp_path / name)]).exit_code == 0
    book = load_workbook(tmp_path / "t.xlsx")
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    lines = (tmp_path / "t.csv").read_text("utf-8-sig").splitlines()
    assert not [cell for line in lines for cell in line.split(",") if cell.strip('"').startswith(("=", "+", "-", "@"))]


def test_yaml_is_read_by_safe_loaders_alone() -> None:
    for path in SOURCES:
        used = {name for name in calls(path) if name.startswith("yaml.")}
        assert not used & {"yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"}, path


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [id]", "!!python/name:os.system", "!!binary YQ=="])
def test_a_yaml_file_that_wants_to_run_something_is_refused(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "222424.yaml"
    path.write_text(f"region: {tag}\ndays: {tag}\nreceivers: {tag}\nid: {tag}\n")
    for load, error in ((load_calendar, CalendarError), (load_plan, PlanError), (load_channels, ChannelsError)):
        with pytest.raises(error):
            load(path)


def test_a_yaml_file_of_aliases_grows_nowhere(tmp_path: Path) -> None:
    """Nine aliases of nine aliases of …: a billion entries, if anybody wrote them out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = tmp_path / "222424.yaml"
    path.write_text("\n".join([*lines, "region: '222424'", "days: *a9", "receivers: {default: {email: *a9}}"]))
    assert yaml.safe_load(path.read_text())["a9"]
    for load, error in ((load_calendar, CalendarError), (load_plan, PlanError), (load_channels, ChannelsError)):
        with pytest.raises(error):
            load(path)


def test_nothing_is_unpickled_evaluated_or_handed_to_a_shell() -> None:
    forbidden = {"eval", "exec", "pickle.load", "pickle.loads", "marshal.loads", "os.system", "os.popen"}
    own = {
        # what its own processes wrote into a temporary directory that only its user may open
        ROOT / "shared/hallpulse/store/recomputing/findings.py": {"pickle.load"},
        # functions written out from the tables of measures and columns, when their modules are imported
        ROOT / "shared/hallpulse/domain/expression.py": {"exec"},
    }
    for path, source in SOURCES.items():
        assert not (forbidden - own.get(path, set())) & calls(path), path
        assert "shell=True" not in source, path


def test_only_tables_of_this_code_base_are_compiled_and_only_at_import() -> None:
    domain = ROOT / "shared/hallpulse/domain"
    users = {domain / "measures.py", ROOT / "shared/hallpulse/store/cases.py"}
    assert {path for path, source in SOURCES.items() if "compiled" in calls(path)} == users
