"""Settings whose value lies in a file, as secrets do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hallpulse.settings import SettingsError, settings_from

AMQP = {"HALLPULSE_AMQP_URL": "amqp://localhost"}


def test_a_value_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://user:secret@database/hallpulse\n")
    settings = settings_from({**AMQP, "HALLPULSE_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url == "postgresql://user:secret@database/hallpulse"


def test_the_variable_itself_wins(tmp_path: Path) -> None:
    named = {"HALLPULSE_DATABASE_URL": "direct", "HALLPULSE_DATABASE_URL_FILE": str(tmp_path / "none")}
    assert settings_from({**AMQP, **named}).database_url == "direct"


def test_a_file_that_cannot_be_read_is_said_without_what_it_may_hold(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"HALLPULSE_DATABASE_URL_FILE: .* cannot be read"):
        settings_from({**AMQP, "HALLPULSE_DATABASE_URL_FILE": str(tmp_path / "none")})
