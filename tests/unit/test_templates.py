"""The templates can be imported as they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from hallpulse.domain.workdays import Workdays
from services.console.main import cli
from services.importing.case_rows import CaseRow, Place
from services.importing.departments import DepartmentCodes
from services.importing.import_file import CatalogueImport, Published, read_catalogue
from services.importing.reader import CaseImport, read_cases
from services.importing.tables import open_source

NOW = 1_800_000_000_000_000


def written(tmp_path: Path, kind: str, form: str) -> Path:
    path = tmp_path / f"t.{form}"
    done = CliRunner().invoke(cli, ["template", kind, "-o", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_every_row_of_the_catalogue_template_is_an_item(tmp_path: Path, form: str) -> None:
    wanted = CatalogueImport(222424, "hall", date(2026, 1, 1), NOW, NOW, DepartmentCodes(), {})
    with open_source(written(tmp_path, "catalogue", form)) as source:
        found = list(read_catalogue(source, wanted))
    assert len(found) == 3
    assert all(isinstance(outcome, Published) for outcome in found)


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_every_row_of_the_cases_template_is_a_case(tmp_path: Path, form: str) -> None:
    with open_source(written(tmp_path, "cases", form)) as source:
        found = list(read_cases(source, CaseImport(Place(222424, "hall"), lambda d, _: d, Workdays({}), NOW)))
    assert len(found) == 4
    assert all(isinstance(row, CaseRow) for row in found)


def test_the_workbook_explains_itself_and_offers_choices(tmp_path: Path) -> None:
    book: Any = load_workbook(written(tmp_path, "catalogue", "xlsx"))
    assert book.sheetnames == ["填写", "说明"]
    assert len(book["填写"].data_validations.dataValidation) == 7
    assert "item_code" in book["填写"]["A1"].value


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "cases", "csv")
    before = path.read_bytes()
    done = CliRunner().invoke(cli, ["template", "cases", "-o", str(path)])
    assert done.exit_code == 1
    assert path.read_bytes() == before


def test_another_ending_is_bad_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["template", "cases", "-o", str(tmp_path / "t.pdf")])
    assert done.exit_code == 2
