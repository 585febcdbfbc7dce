"""`hallpulse hall`: register, close, remove and list the halls that may publish, and give them keys."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from hallpulse.broker import vhost_of
from hallpulse.broker.management import BrokerUsers
from hallpulse.contract.events import Family
from hallpulse.contract.identity import user_name
from hallpulse.contract.personal import escaped
from hallpulse.contract.reasons import Refused, both
from hallpulse.contract.validation import place
from hallpulse.settings import Settings
from hallpulse.store import Store, hash_of, open_store
from services.console.commands.token import new_token, overlap_option
from services.console.console_texts import KEYS_SHOWN_ONCE
from services.console.suite_connection import connect, directory_option
from services.console.usage import screen
from services.importing.surroundings import today

DEFAULT_FAMILIES = "case,tally,heartbeat"
MOST_NAME = 80


class Region(click.ParamType[int]):
    name = "region"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return place(f"/{value}/hall")[0]
        except Refused:
            self.fail(f"{value!r} is not a county: expected a GB/T 2260 code of 6 digits, not ending in 00", param, ctx)


class HallName(click.ParamType[str]):
    name = "hall"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return place(f"/222424/{value}")[1]
        except Refused:
            self.fail(f"{value!r}: expected 1 to 40 of a-z, 0-9 and -", param, ctx)


class Families(click.ParamType[list[str]]):
    name = "families"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        known = [family.value for family in Family]
        given = [part.strip() for part in str(value).split(",") if part.strip()]
        wrong = [part for part in given if part not in known]
        if wrong or not given:
            self.fail(f"{wrong[0] if wrong else 'nothing'!r}: expected some of {', '.join(known)}", param, ctx)
        return sorted(set(given), key=known.index)


@click.group()
def command() -> None:
    """Halls that may publish: a broker user and a gateway token each.

    可以发布事件的大厅：各有一个消息用户和一个网关令牌。
    """


@command.command()
@click.argument("region", type=Region())
@click.argument("hall", type=HallName())
@click.option("--families", type=Families(), default=DEFAULT_FAMILIES, show_default=True,
              help="What it may send; item and figure are granted only by name.")  # fmt: skip
@click.option("--name", metavar="NAME", help="What the hall is called, such as 政务大厅; a name that is known stays.")
@click.option("--name-en", metavar="NAME", help="What it is called in English.")
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
@directory_option
def add(  # noqa: PLR0917 - its options
    region: int, hall: str, families: list[str], name: str | None, name_en: str | None, as_json: bool, directory: Path
) -> None:
    """Register a hall and print its keys, this once. A known hall gets new keys; a closed one opens again."""
    for given in (name, name_en):
        _check_name(given)
    with _Keys(connect(directory)) as keys:
        password = keys.users.put(region, hall, families)
        keys.users.cut(region, hall)  # an open connection would keep its old families
        token = new_token()
        keys.store.halls.add(region, hall, families, hash_of(token), name, name_en)
    _print_keys(region, hall, password, token, as_json)


@command.command()
@click.argument("region", type=Region())
@click.argument("hall", type=HallName())
@overlap_option
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
@directory_option
def rotate(region: int, hall: str, overlap: int, as_json: bool, directory: Path) -> None:
    """Give a hall new keys; the broker's old password ends at once."""
    with _Keys(connect(directory)) as keys:
        token = new_token()
        if not keys.store.halls.rotate(region, hall, hash_of(token), timedelta(hours=overlap)):
            raise click.ClickException(f"there is no hall {user_name(region, hall)}: see `hallpulse hall list`")
        (known,) = [one for one in keys.store.halls.list(region) if one.hall == hall]
        password = keys.users.put(region, hall, known.families)
        keys.users.cut(region, hall)
    _print_keys(region, hall, password, token, as_json)


@command.command()
@click.argument("region", type=Region())
@click.argument("hall", type=HallName())
@directory_option
def remove(region: int, hall: str, directory: Path) -> None:
    """Take a hall's keys away at once. Its events stay and count; from today on it counts as closed."""
    with _Keys(connect(directory)) as keys:
        gone = keys.users.remove(region, hall)
        if not keys.store.halls.remove(region, hall, today()) and not gone:
            raise click.ClickException(f"there is no hall {user_name(region, hall)}: see `hallpulse hall list`")
    click.echo(f"{user_name(region, hall)} may publish no more")


@command.command()
@click.argument("region", type=Region())
@click.argument("hall", type=HallName())
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", required=True,
              help="The first day on which it is closed; it counts in the coverage until then.")  # fmt: skip
@directory_option
def close(region: int, hall: str, start: datetime, directory: Path) -> None:
    """Close a hall from a day on: its reports are no longer expected. Its keys stay until `hall remove`.

    `hall add` opens it again.
    """
    store = open_store(connect(directory).database_url, pool_size=1)
    try:
        if not store.halls.close(region, hall, start.date()):
            raise click.ClickException(f"there is no hall {user_name(region, hall)}: see `hallpulse hall list`")
    finally:
        store.close()
    day = start.date().isoformat()
    click.echo(f"{user_name(region, hall)} 自 {day} 起关闭 is closed from {day} on")


def _check_name(name: str | None) -> None:
    if name is not None and not (name.strip() and len(name) <= MOST_NAME and name.isprintable()):
        raise click.BadParameter(f"应为 1 至 {MOST_NAME} 个字符的名称 expected a name of 1 to {MOST_NAME} characters")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def list_halls(as_json: bool, directory: Path) -> None:
    """List the halls that may publish, with the event families that each may send."""
    with _Keys(connect(directory)) as keys:
        halls = keys.store.halls.list()
    if as_json:
        rows = [
            {
                "region": str(h.region),
                "hall": h.hall,
                "names": {"zh": h.facts.name_zh, "en": h.facts.name_en},
                "families": h.families,
                "added": h.added.isoformat(),
                "closed": h.facts.closed.isoformat() if h.facts.closed else None,
            }
            for h in halls
        ]
        click.echo(json.dumps(rows))
        return
    table = Table("地区 region", "大厅 hall", "名称 name", "事件 families", "登记 added", "关闭 closed from")
    for one in halls:
        name = escape(escaped(one.facts.name_zh or one.facts.name_en or ""))
        closed = one.facts.closed.isoformat() if one.facts.closed else ""
        added = f"{one.added:%Y-%m-%d %H:%M}"
        table.add_row(str(one.region), one.hall, name, ", ".join(one.families), added, closed)
    screen().print(table)


class _Keys:
    """The places of a hall's keys: the broker's users and the store, where the gateway finds its token."""

    def __init__(self, settings: Settings) -> None:
        if not settings.management_url:
            raise click.ClickException("HALLPULSE_MANAGEMENT_URL: expected the broker's management URL, to add users")
        self.store: Store = open_store(settings.database_url, pool_size=1)
        self.users = BrokerUsers(settings.management_url, vhost_of(settings.amqp_url))

    def __enter__(self) -> _Keys:
        self.store.ping()  # first, since no change at the broker may miss in the audit
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()


def _print_keys(region: int, hall: str, password: str, token: str, as_json: bool) -> None:
    keys = {"amqp_user": user_name(region, hall), "amqp_password": password, "token": token}
    if as_json:
        click.echo(json.dumps(keys))
        return
    for name, value in keys.items():
        click.echo(f"{name:14} {value}")
    click.echo(both(KEYS_SHOWN_ONCE), err=True)
