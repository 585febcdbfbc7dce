"""The frame of the `hallpulse` command; each subcommand has tests of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hallpulse.domain.errors import Unavailable
from services.console import main
from services.console.suite_connection import connect

_HALLPULSE = Path(sys.executable).with_name("hallpulse")


def test_help_lists_commands_in_the_order_in_which_one_needs_them() -> None:
    shown = CliRunner().invoke(main.cli, ["--help"])
    assert shown.exit_code == 0
    assert shown.output.index("  up ") < shown.output.index("  down ") < shown.output.index("  status ")


def test_every_command_has_help() -> None:
    for name in main.cli.list_commands(click.Context(main.cli)):
        shown = CliRunner().invoke(main.cli, [name, "--help"])
        assert shown.exit_code == 0, (name, shown.output)


def test_a_command_whose_module_is_missing_is_not_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "up.py").touch()
    monkeypatch.setattr(main, "_COMMANDS_AT", tmp_path)
    assert main.cli.list_commands(click.Context(main.cli)) == ["up", "down"]


def test_an_unknown_command_is_bad_usage() -> None:
    refused = subprocess.run([_HALLPULSE, "fly"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "No such command 'fly'" in refused.stderr
    assert refused.stdout == ""


def test_an_error_is_one_line_on_stderr(tmp_path: Path) -> None:
    refused = subprocess.run([_HALLPULSE, "status", "--dir", tmp_path], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: no suite runs in {tmp_path}\n"


def test_connecting_needs_a_suite_or_both_servers_in_the_environment(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="start one with `hallpulse up`"):
        connect(tmp_path, {"HALLPULSE_AMQP_URL": "amqp://elsewhere"})
    settings = connect(
        tmp_path, {"HALLPULSE_AMQP_URL": "amqp://elsewhere", "HALLPULSE_DATABASE_URL": "postgresql://there"}
    )
    assert settings.amqp_url == "amqp://elsewhere"


def test_servers_may_be_named_by_files_as_secrets_are(tmp_path: Path) -> None:
    (tmp_path / "amqp").write_text("amqp://elsewhere")
    (tmp_path / "database").write_text("postgresql://there")
    named = {
        f"HALLPULSE_{name}_URL_FILE": str(tmp_path / file)
        for name, file in (("AMQP", "amqp"), ("DATABASE", "database"))
    }
    assert connect(tmp_path, named).database_url == "postgresql://there"


def test_the_environment_wins_over_the_suite(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(
        '{"HALLPULSE_AMQP_URL": "amqp://here", "HALLPULSE_DATABASE_URL": "postgresql://here"}'
    )
    settings = connect(tmp_path, {"HALLPULSE_DATABASE_URL": "postgresql://there"})
    assert (settings.amqp_url, settings.database_url) == ("amqp://here", "postgresql://there")


def test_the_base_install_says_what_the_command_needs() -> None:
    code = "import sys; sys.modules['click'] = None; from services.console.entry import main; main()"
    refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "hallpulse: there is no click: the command needs `pip install hallpulse[suite]`\n"
