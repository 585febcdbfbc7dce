"""`hallpulse user` on a real database: whom it lets in, and how a password gets there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hallpulse import passwords
from hallpulse.store import Store
from services.console.commands.user import FIRST, command, first_account

Run = Callable[..., Result]
GOOD = "correct horse 42"


@pytest.fixture
def run(store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("HALLPULSE_AMQP_URL", "amqp://nobody@127.0.0.1:1")
    monkeypatch.setenv("HALLPULSE_DATABASE_URL", store_url)

    def invoke(*arguments: str, stdin: str = f"{GOOD}\n") -> Result:
        return CliRunner().invoke(command, [*arguments, "--dir", str(tmp_path)], input=stdin)

    return invoke


def opens(store: Store, name: str, password: str) -> bool:
    attempt = store.accounts.attempt(name, datetime.now(UTC))
    return attempt is not None and passwords.matches(attempt.password, password)


def test_an_account_opens_with_the_password_that_came_by_standard_input(run: Run, store: Store) -> None:
    made = run("add", "wang.li", "--person", "王丽", "--role", "department", "--region", "222424", "--department", "j")
    assert made.exit_code == 0, made.output
    assert GOOD not in made.output
    assert opens(store, "wang.li", GOOD)
    assert not opens(store, "wang.li", GOOD + "x")
    (shown,) = json.loads(run("list", "--json").stdout)
    assert {key: shown[key] for key in ("name", "person", "role", "department", "state")} == {
        "name": "wang.li", "person": "王丽", "role": "department", "department": "j", "state": "open",
    }  # fmt: skip


def test_no_option_takes_a_password(run: Run) -> None:
    for subcommand in command.commands.values():
        assert not [option for option in subcommand.params if "password" in (option.name or "")]
    assert run("add", "a.b", "--role", "bureau", "--password", GOOD).exit_code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--role", "department", "--region", "222424"),
        ("--role", "hall", "--region", "222400", "--hall", "h"),
        ("--role", "hall", "--region", "222424"),
        ("--role", "leader", "--hall", "h"),
        ("--role", "operator", "--region", "222424"),
        ("--role", "king"),
    ],
)
def test_a_role_without_its_scope_or_with_anothers_is_bad_usage(
    run: Run, store: Store, options: tuple[str, ...]
) -> None:
    assert run("add", "somebody", *options).exit_code == 2
    assert store.accounts.is_empty()


@pytest.mark.parametrize("name", ["A", "1a", "x y", "王", "a" * 41])
def test_a_name_of_another_form_is_bad_usage(run: Run, store: Store, name: str) -> None:
    assert run("add", name, "--role", "bureau").exit_code == 2
    assert store.accounts.is_empty()


def test_a_number_of_a_person_is_no_part_of_a_name(run: Run, store: Store) -> None:
    """Names go into figures and the audit, where no such number may be."""
    assert run("add", "somebody", "--person", "王丽 13912345678", "--role", "bureau").exit_code == 2
    assert store.accounts.is_empty()


@pytest.mark.parametrize("stdin", ["", "short\n", "aaaaaaaaaaaa\n", "somebody-2026\n", f"{'x1y2z3' * 30}\n"])
def test_a_password_that_is_guessed_soon_is_not_taken(run: Run, store: Store, stdin: str) -> None:
    assert run("add", "somebody", "--role", "bureau", stdin=stdin).exit_code == 2
    assert store.accounts.is_empty()


def test_a_new_password_unlocks_and_a_disabled_account_stays_closed(run: Run, store: Store) -> None:
    assert run("add", "somebody", "--role", "leader").exit_code == 0
    for _ in range(6):
        store.accounts.attempt("somebody", datetime.now(UTC))
    assert json.loads(run("list", "--json").stdout)[0]["state"] == "locked"
    assert run("password", "somebody", stdin="another battery 7\n").exit_code == 0
    assert opens(store, "somebody", "another battery 7")
    assert run("disable", "somebody").exit_code == 0
    assert not opens(store, "somebody", "another battery 7")
    for again in (("disable", "somebody"), ("password", "somebody"), ("add", "somebody", "--role", "leader")):
        assert run(*again).exit_code == 1, again
    lines = [line.entry.action for line in store.audit.list(action="account")]
    assert lines == ["account.disable", "account.password", "account.add"]


def test_the_first_account_is_made_once_and_its_password_must_be_changed(
    run: Run, store: Store, tmp_path: Path
) -> None:
    del run  # for its environment
    told = first_account(tmp_path)
    (made,) = store.accounts.list()
    assert made.grant.account == FIRST
    assert made.grant.one_time
    assert any(opens(store, FIRST, word.strip("（,()")) for word in told.replace("（", " ").split())
    assert first_account(tmp_path) == ""


def test_a_one_time_password_is_printed_once_to_be_handed_over(run: Run, store: Store) -> None:
    said = json.loads(run("add", "somebody", "--role", "bureau", "--one-time", "--json").stdout)
    attempt = store.accounts.attempt("somebody", datetime.now(UTC))
    assert attempt is not None
    assert attempt.grant.one_time
    assert passwords.matches(attempt.password, said["password"])
