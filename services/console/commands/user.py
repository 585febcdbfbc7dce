"""`hallpulse user`: the accounts of people, who sign in to the page with a name and a password."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from hallpulse import passwords
from hallpulse.contract.personal import is_personal
from hallpulse.contract.reasons import both
from hallpulse.settings import setting
from hallpulse.store import ROLES, Account, Grant, Link, Store, open_store, person_grant
from services.console.commands.token import AnyRegion, grant_of_options
from services.console.console_texts import FIRST_ACCOUNT, PASSWORD_SHOWN_ONCE
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage, screen

FIRST = "bureau"
_NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}").fullmatch
_PERSON = re.compile(r"[^\x00-\x1f\x7f]{1,40}").fullmatch


class AccountName(click.ParamType[str]):
    """The name with which a person signs in."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _NAME(str(value)):
            self.fail(f"{value!r}: expected 2 to 40 of a-z, 0-9, . _ and -, a letter first", param, ctx)
        return str(value)


_subject_option = click.option(
    "--subject", metavar="SUB", help="What the provider of sign-ins calls the person: `sub` of its tokens."
)
_issuer_option = click.option(
    "--issuer", metavar="URL", help="The provider, if it is another one than HALLPULSE_OIDC_ISSUER."
)


@click.group()
def command() -> None:
    """Accounts of people who sign in to the page, each with a role. Programs have tokens (`hallpulse token`).

    人员账户：谁以什么角色登录页面。程序使用令牌（hallpulse token）。
    A password is asked for, or read from the first line of standard input; it is never part of a command.
    """


@command.command()
@click.argument("name", type=AccountName())
@click.option("--person", metavar="TEXT", help="Who it is, as the audit shows it, such as 王丽; NAME if left out.")
@click.option("--role", type=click.Choice(ROLES), required=True,
              help="bureau: a region, or all, reports and returns figures; department: its own; hall: its own; "
                   "leader: reads a region, or all; operator: all.")  # fmt: skip
@click.option(
    "--region", type=AnyRegion(), metavar="CODE", help="County, prefecture or province: with what lies below."
)
@click.option("--department", metavar="ID", help="The department's code in the plan and in the events.")
@click.option("--hall", metavar="ID", help="The hall's id.")
@click.option("--one-time", is_flag=True, help="Print a password to hand over, which must be changed at the first use.")
@click.option("--provider-only", is_flag=True, help="With --subject: without a password.")
@_subject_option
@_issuer_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def add(
    *, name: str, person: str | None, role: str, region: int | None, department: str | None, hall: str | None,
    one_time: bool, provider_only: bool, subject: str | None, issuer: str | None, as_json: bool, directory: Path,
) -> None:  # fmt: skip
    """Make an account called NAME."""
    link = _link_of(subject, issuer) if subject is not None else None
    if provider_only and (link is None or one_time):
        raise BadUsage("--provider-only: expected with --subject, and without --one-time")
    if person is not None and not _PERSON(person):
        raise BadUsage("--person: expected 1 to 40 characters, no control characters")
    if is_personal(f"{person or name} ({name})", datetime.now(UTC).year):
        raise BadUsage("expected a name without an identity number or a phone number")
    grant = person_grant(name, person or name, grant_of_options(role, region, department, hall))
    password = "" if provider_only else passwords.one_time() if one_time else _password_of(name)
    with _store(directory) as store:
        hashed = passwords.hashed(password) if password else passwords.NONE
        if not store.accounts.add(grant, hashed, one_time=one_time, link=link):
            raise click.ClickException(f"there is an account {name} already: names are not used again")
    _say(name, password if one_time else None, as_json)


@command.command("password")
@click.argument("name", type=AccountName())
@click.option("--one-time", is_flag=True, help="Print a password to hand over, which must be changed at the first use.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def password_(*, name: str, one_time: bool, as_json: bool, directory: Path) -> None:
    """Give NAME another password. The account is unlocked, and signed out wherever it is signed in."""
    password = passwords.one_time() if one_time else _password_of(name)
    with _store(directory) as store:
        if not store.accounts.set_password(name, passwords.hashed(password), one_time=one_time):
            raise _no_account(name)
    _say(name, password if one_time else None, as_json)


@command.command("link")
@click.argument("name", type=AccountName())
@_subject_option
@_issuer_option
@click.option("--remove", is_flag=True, help="Remove the link, so that no one signs in as NAME by the provider.")
@directory_option
def link_account(*, name: str, subject: str | None, issuer: str | None, remove: bool, directory: Path) -> None:
    """Let the provider's SUBJECT sign in as NAME; who signed in by the provider before is signed out."""
    if remove == (subject is not None):
        raise BadUsage("expected --subject, or --remove")
    link = _link_of(subject, issuer) if subject is not None else None
    with _store(directory) as store:
        if not store.accounts.link(name, link):
            raise _no_account(name)
    click.echo(name)


@command.command()
@click.argument("name", type=AccountName())
@directory_option
def disable(name: str, directory: Path) -> None:
    """Close an account for good and sign it out everywhere. Its entries in the audit stay."""
    with _store(directory) as store:
        if not store.accounts.disable(name, datetime.now(UTC)):
            raise _no_account(name)
    click.echo(f"{name} signs in no more")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def list_accounts(as_json: bool, directory: Path) -> None:
    """List all accounts: what each opens, and whether it is locked or disabled."""
    now = datetime.now(UTC)
    with _store(directory) as store:
        found = [_shown(account, now) for account in store.accounts.list()]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    table = Table("账户 name", "姓名 person", "角色 role", "地区 region", "部门 department", "大厅 hall", "状态 state")
    for one in found:
        cells = (one[key] for key in ("name", "person", "role", "region", "department", "hall", "state"))
        table.add_row(*("" if value is None else value for value in cells))
    screen().print(table)


def first_account(directory: Path) -> str:
    """Make the first account of a suite that has none; return a text with name and password, "" if there are accounts.

    Its role is the bureau's, for every region. Its one-time password must be changed at the first sign-in.
    """
    with _store(directory) as store:
        if not store.accounts.is_empty():
            return ""
        password = passwords.one_time()
        grant = person_grant(FIRST, FIRST, Grant("bureau"))
        if not store.accounts.add(grant, passwords.hashed(password), one_time=True):
            return ""
    return both(FIRST_ACCOUNT).format(name=FIRST, password=password)


def _link_of(subject: str, issuer: str | None) -> Link:
    issuer = issuer or setting(os.environ, "HALLPULSE_OIDC_ISSUER")
    if not issuer:
        raise BadUsage("--issuer: expected the provider's URL, or HALLPULSE_OIDC_ISSUER")
    if not (0 < len(subject) <= 255 and subject.isprintable()):
        raise BadUsage("--subject: expected 1 to 255 printable characters")
    return Link(issuer, subject)


def _password_of(name: str) -> str:
    """Return the password from a terminal, where it is asked for twice, or from the first line of standard input.

    Raises BadUsage if it is not good enough.
    """
    if sys.stdin.isatty():
        password = str(click.prompt("密码 password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        password = sys.stdin.readline(passwords.MOST * 4 + 2).rstrip("\r\n")
    fault = passwords.fault_of(name, password)
    if fault:
        raise BadUsage(fault)
    return password


@contextmanager
def _store(directory: Path) -> Iterator[Store]:
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        yield store
    finally:
        store.close()


def _shown(account: Account, now: datetime) -> dict[str, str | None]:
    grant, locked = account.grant, account.is_locked(now)
    return {
        "name": grant.account,
        "person": grant.person,
        "role": grant.role,
        "region": str(grant.region) if grant.region is not None else None,
        "department": grant.department,
        "hall": grant.hall,
        "state": "disabled" if account.disabled else "locked" if locked else "one-time" if grant.one_time else "open",
        "added": account.added.isoformat(),
        "issuer": account.link.issuer if account.link is not None else None,
        "subject": account.link.subject if account.link is not None else None,
    }


def _say(name: str, password: str | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"name": name, **({"password": password} if password else {})}))
        return
    click.echo(password or name)
    if password:
        click.echo(both(PASSWORD_SHOWN_ONCE), err=True)


def _no_account(name: str) -> click.ClickException:
    return click.ClickException(f"there is no open account {name}: see `hallpulse user list`")
