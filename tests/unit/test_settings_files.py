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


@pytest.mark.parametrize(("text", "share"), [("off", 0), ("0", 0), ("0.75", 0.75), ("", 0.3)])
def test_the_refusal_limit_is_a_share_or_off(text: str, share: float) -> None:
    given = {**AMQP, "HALLPULSE_DATABASE_URL": "any", "HALLPULSE_REFUSAL_LIMIT": text}
    assert settings_from(given).refusal_limit == share


@pytest.mark.parametrize(
    ("name", "text"), [("LIMIT", "1"), ("LIMIT", "-0.1"), ("LIMIT", "nan"), ("LIMIT", "60 %"), ("WINDOW", "0")]
)
def test_a_wrong_refusal_limit_is_said_with_what_was_expected(name: str, text: str) -> None:
    given = {**AMQP, "HALLPULSE_DATABASE_URL": "any", f"HALLPULSE_REFUSAL_{name}": text}
    with pytest.raises(SettingsError, match=rf"HALLPULSE_REFUSAL_{name}: expected (off or a share|a whole number)"):
        settings_from(given)
