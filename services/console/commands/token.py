"""`hallpulse token`: gateway tokens for departments, the bureau and operators; `hallpulse hall` issues a hall's."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from hallpulse.contract.reasons import both
from hallpulse.store import Grant, Store, Token, hash_of, open_store
from services.console.console_texts import TOKEN_SHOWN_ONCE
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage, screen

ROLES = ("department", "bureau", "operator")
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_REGION = re.compile(r"(?:1[1-9]|[2-8][0-9]|9[01])[0-9]{4}").fullmatch
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}").fullmatch
_HALL = re.compile(r"[a-z0-9-]{1,40}").fullmatch
_DEPARTMENT = re.compile(r"[^\x00-\x1f\x7f]{1,64}").fullmatch


class AnyRegion(click.ParamType[int]):
    """The code of a county, a prefecture or a province."""

    name = "region"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not _REGION(str(value)):
            self.fail(f"{value!r}: expected a GB/T 2260 code of 6 digits", param, ctx)
        return int(str(value))


class TokenName(click.ParamType[str]):
    """A token's name. It has no dot: names with a dot are for the tokens of halls."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _NAME(str(value)):
            self.fail(f"{value!r}: expected 1 to 40 of a-z, 0-9 and -, not - at first", param, ctx)
        return str(value)


def overlap_option(command: Decorated) -> Decorated:
    """Add `--overlap HOURS`, the hours for which the replaced token stays valid."""
    return click.option(
        "--overlap", type=click.IntRange(0, 30 * 24), default=0, show_default=True, metavar="HOURS",
        help="How long the old token still opens the gateway.",
    )(command)  # fmt: skip


def new_token() -> str:
    return secrets.token_urlsafe(32)


@click.group()
def command() -> None:
    """Tokens for the gateway: of departments, the bureau and operators. A hall's comes with `hallpulse hall`.

    网关令牌：部门、局里和运维人员。大厅的令牌用 hallpulse hall 发放。
    """


@command.command()
@click.argument("name", type=TokenName())
@click.option("--role", type=click.Choice(ROLES), required=True,
              help="department: its own figures and cases; bureau: a region, or all; operator: all.")  # fmt: skip
@click.option(
    "--region", type=AnyRegion(), metavar="CODE", help="County, prefecture or province: with what lies below."
)
@click.option("--department", metavar="ID", help="The department's code in the plan and in the events.")
@click.option("--expires", type=click.IntRange(1, 3650), metavar="DAYS", help="After how many days; never if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def add(
    *, name: str, role: str, region: int | None, department: str | None, expires: int | None, as_json: bool,
    directory: Path,
) -> None:  # fmt: skip
    """Make a token called NAME and print it, this once."""
    grant = grant_of_options(role, region, department)
    token, lasts = new_token(), timedelta(days=expires) if expires is not None else None
    with _store(directory) as store:
        if not store.tokens.add(name, hash_of(token), grant, lasts):
            raise click.ClickException(f"there is a token {name} already: rotate or revoke it, or choose another name")
    _print_token(name, token, as_json)


@command.command()
@click.argument("name", type=TokenName())
@overlap_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def rotate(*, name: str, overlap: int, as_json: bool, directory: Path) -> None:
    """Replace NAME's token and print the new one, which opens the same and lasts as long."""
    token = new_token()
    with _store(directory) as store:
        if not store.tokens.rotate(name, hash_of(token), timedelta(hours=overlap)):
            raise _no_token(name)
    _print_token(name, token, as_json)


@command.command()
@click.argument("name", type=TokenName())
@directory_option
def revoke(name: str, directory: Path) -> None:
    """End a token, and the ones that it replaced, at once."""
    with _store(directory) as store:
        if not store.tokens.revoke(name):
            raise _no_token(name)
    click.echo(f"{name} opens nothing more")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def list_tokens(as_json: bool, directory: Path) -> None:
    """List the tokens in force, also of halls: what each opens, and when it ends. Their secrets are kept nowhere."""
    with _store(directory) as store:
        tokens = store.tokens.list()
    if as_json:
        click.echo(json.dumps([_shown(token) for token in tokens], ensure_ascii=False))
        return
    table = Table("名称 name", "角色 role", "地区 region", "部门 department", "发放 added", "到期 expires")
    for token in tokens:
        table.add_row(*("" if value is None else str(value)[:16] for value in _shown(token).values()))
    screen().print(table)


def grant_of_options(role: str, region: int | None, department: str | None, hall: str | None = None) -> Grant:
    """Return the grant of a token or an account. Raises BadUsage if the scope does not fit the role."""
    if role == "hall" and (region is None or region % 100 == 0 or not _HALL(hall or "")):
        raise BadUsage("--role hall: expected --region of a county, and --hall, 1 to 40 of a-z, 0-9 and -")
    if role != "hall" and hall is not None:
        raise BadUsage(f"--role {role}: expected no --hall")
    if role == "department" and (region is None or department is None):
        raise BadUsage("--role department: expected --region and --department")
    if role != "department" and department is not None:
        raise BadUsage(f"--role {role}: expected no --department")
    if role == "operator" and region is not None:
        raise BadUsage("--role operator: expected no --region: an operator sees everything")
    if department is not None and not _DEPARTMENT(department):
        raise BadUsage("--department: expected 1 to 64 characters, no control characters")
    return Grant(role, region, hall, department)


def _no_token(name: str) -> click.ClickException:
    return click.ClickException(f"there is no token {name}: see `hallpulse token list`")


@contextmanager
def _store(directory: Path) -> Iterator[Store]:
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        yield store
    finally:
        store.close()


def _shown(token: Token) -> dict[str, str | None]:
    grant = token.grant
    return {
        "name": token.name,
        "role": grant.role,
        "region": str(grant.region) if grant.region is not None else None,
        "department": grant.department,
        "added": token.added.isoformat(),
        "expires": token.expires.isoformat() if token.expires is not None else None,
    }


def _print_token(name: str, token: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"name": name, "token": token}))
        return
    click.echo(token)
    click.echo(both(TOKEN_SHOWN_ONCE), err=True)
