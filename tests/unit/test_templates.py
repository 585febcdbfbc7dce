"""The templates can be imported as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from services.console.main import cli
from tests.shelf import Shelf, take


def written(tmp_path: Path, kind: str, form: str) -> Path:
    path = tmp_path / f"t.{form}"
    done = CliRunner().invoke(cli, ["template", kind, "-o", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_every_row_of_the_catalogue_template_is_an_item(tmp_path: Path, form: str) -> None:
    done = take(written(tmp_path, "catalogue", form), "catalogue", Shelf())
    assert (done.told.profile["id"], done.told.rows["new"], done.rejected) == ("template-catalogue", 3, [])


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_every_row_of_the_cases_template_is_a_case(tmp_path: Path, form: str) -> None:
    done = take(written(tmp_path, "cases", form), "cases", Shelf())
    assert (done.told.profile["id"], done.told.rows["new"], done.rejected) == ("template-cases", 4, [])


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
