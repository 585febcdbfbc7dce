"""`hallpulse token` on a real database: what each token opens at the gateway's door, and for how long."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from hallpulse.domain.figures import Scope
from hallpulse.store import Grant, Store, hash_of
from services.console.commands.token import command
from services.gateway.access import Action, actions, may_read

Run = Callable[..., Result]
BUREAU = ("add", "board", "--role", "bureau")


@pytest.fixture
def run(store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("HALLPULSE_AMQP_URL", "amqp://nobody@127.0.0.1:1")
    monkeypatch.setenv("HALLPULSE_DATABASE_URL", store_url)
    return lambda *arguments: CliRunner().invoke(command, [*arguments, "--dir", str(tmp_path)])


def token(result: Result) -> str:
    assert result.exit_code == 0, result.stderr
    return str(json.loads(result.stdout)["token"])


def opens(store: Store, given: str) -> Grant | None:
    return store.tokens.find(hash_of(given))


@pytest.mark.parametrize(
    ("options", "reads", "not_"),
    [
        (("department", "--region", "222424", "--department", "justice"), Scope(222424, "justice"), Scope(222424)),
        (("bureau", "--region", "222400"), Scope(222424, "justice"), Scope(222500)),
        (("bureau",), Scope(220000), None),
        (("operator",), Scope(222424, None, "hall-1"), None),
    ],
)
def test_a_token_reads_what_its_role_says_and_sends_nothing(
    run: Run, store: Store, options: tuple[str, ...], reads: Scope, not_: Scope | None
) -> None:
    grant = opens(store, token(run("add", "of-somebody", "--role", *options, "--json")))
    assert grant is not None
    assert grant.role == options[0]
    assert may_read(grant, reads)
    assert not_ is None or not may_read(grant, not_)
    assert Action.PUBLISH not in actions(grant)


def test_only_the_hash_of_a_token_is_kept(run: Run, store_url: str) -> None:
    given = token(run(*BUREAU, "--json"))
    with psycopg.connect(store_url) as connection:
        kept = str(connection.execute("SELECT t::text, a::text FROM tokens t, audit a").fetchall())
    assert hash_of(given) in kept
    assert given not in kept


def test_a_name_is_given_once(run: Run, store: Store) -> None:
    given = token(run(*BUREAU, "--json"))
    again = run(*BUREAU)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.startswith("Error: there is a token board already")
    assert opens(store, given) is not None


def test_a_rotated_token_opens_the_same_and_the_old_one_nothing(run: Run, store: Store) -> None:
    old = token(run(*BUREAU, "--region", "222424", "--json"))
    new = token(run("rotate", "board", "--json"))
    assert (opens(store, old), opens(store, new)) == (None, Grant("bureau", 222424))


def test_with_an_overlap_both_open_until_the_name_is_revoked(run: Run, store: Store) -> None:
    old = token(run(*BUREAU, "--json"))
    new = token(run("rotate", "board", "--overlap", "24", "--json"))
    assert None not in (opens(store, old), opens(store, new))
    assert run("revoke", "board").exit_code == 0
    assert (opens(store, old), opens(store, new)) == (None, None)


def test_a_token_ends_by_itself_and_its_successor_lasts_as_long(run: Run, store: Store, store_url: str) -> None:
    given = token(run(*BUREAU, "--expires", "90", "--json"))
    with psycopg.connect(store_url) as connection:
        connection.execute("UPDATE tokens SET added = added - interval '80 d', expires = expires - interval '80 d'")
    new = token(run("rotate", "board", "--json"))
    (listed,) = json.loads(run("list", "--json").stdout)
    with psycopg.connect(store_url) as connection:
        (lasts,) = connection.execute("SELECT extract(day FROM expires - added) FROM tokens WHERE expires > now()")
        assert lasts == (90,)
        connection.execute("UPDATE tokens SET expires = now()")
    assert listed["name"] == "board"
    assert (opens(store, given), opens(store, new)) == (None, None)
    assert token(run(*BUREAU, "--json"))


def test_tokens_in_force_are_listed_with_the_halls(run: Run, store: Store) -> None:
    store.halls.add(222424, "hall-1", ["case"], hash_of("hall"))
    run("add", "justice-page", "--role", "department", "--region", "222424", "--department", "justice")
    rows = [list(row.values())[:4] for row in json.loads(run("list", "--json").stdout)]
    assert rows == [
        ["justice-page", "department", "222424", "justice"],
        ["222424.hall-1", "hall", "222424", None],
    ]
    shown = run("list").stdout
    assert all(text in shown for text in ("justice-page", "222424.hall-1", "department"))


def test_without_json_the_token_stands_alone_on_its_line(run: Run, store: Store) -> None:
    given = run(*BUREAU).stdout
    assert given.count("\n") == 1
    assert opens(store, given.strip()) == Grant("bureau")


@pytest.mark.parametrize("what", ["rotate", "revoke"])
def test_a_token_that_is_not_there_is_said(run: Run, what: str) -> None:
    done = run(what, "nobodys")
    assert (done.exit_code, done.stderr) == (1, "Error: there is no token nobodys: see `hallpulse token list`\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "board"),
        ("add", "board", "--role", "hall"),
        ("add", "222424.hall-1", "--role", "bureau"),
        ("add", "Board", "--role", "bureau"),
        ("add", "board", "--role", "department", "--region", "222424"),
        ("add", "board", "--role", "department", "--department", "justice"),
        ("add", "board", "--role", "bureau", "--department", "justice"),
        ("add", "board", "--role", "operator", "--region", "222424"),
        ("add", "board", "--role", "bureau", "--region", "22"),
        ("add", "board", "--role", "bureau", "--expires", "0"),
        ("add", "board", "--role", "department", "--region", "222424", "--department", "a\nb"),
        ("rotate", "board", "--overlap", "-1"),
    ],
)
def test_what_cannot_be_meant_is_bad_usage_and_makes_nothing(
    run: Run, store: Store, arguments: tuple[str, ...]
) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert store.tokens.list() == []
