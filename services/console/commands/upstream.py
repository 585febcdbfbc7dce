"""`hallpulse upstream`: let a county's own suite send its events to the suite above it, which may also fetch them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from hallpulse.broker import EVENTS, vhost_of
from hallpulse.broker.management import BrokerUsers
from hallpulse.broker.upstream import SHOVEL, SUMS, Upstreams, check_reached, publish_sums, shown
from hallpulse.contract.events import EventType, Family, HallEvent, TallyReported
from hallpulse.contract.identity import county_of, county_user
from hallpulse.contract.personal import escaped
from hallpulse.contract.reasons import both
from hallpulse.domain.workdays import day_of, midnight_after
from hallpulse.settings import Settings
from hallpulse.store import AuditEntry, DailySums, Store, open_store
from services.console.commands.hall import Families, Region
from services.console.console_texts import KEYS_SHOWN_ONCE
from services.console.suite_connection import connect, directory_option
from services.console.usage import BadUsage, screen

EVERYTHING = ",".join(family.value for family in Family)
ADDRESS = "HALLPULSE_UPSTREAM_URL"
_is_name = re.compile(r"[a-z0-9-]{1,40}").fullmatch


class UpstreamName(click.ParamType[str]):
    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _is_name(str(value)):
            self.fail(f"{value!r}: expected 1 to 40 of a-z, 0-9 and -", param, ctx)
        return str(value)


_discard = click.option("--discard", is_flag=True, help="Also where events wait that the suite above does not have.")


@click.group()
def command() -> None:
    """Join a county's own suite to the one above it; each keeps its own figures.

    把县级系统接入上级系统：各自保留自己的数字。
    """


@command.command()
@click.argument("region", type=Region())
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
@directory_option
def admit(region: int, as_json: bool, directory: Path) -> None:
    """On the suite above: let a county's suite send its halls' events. Prints its keys, new ones each time."""
    with _Suite(connect(directory)) as suite:
        password = suite.users.put_county(region)
        suite.note("upstream.admit", region, county_user(region))
        address = shown(suite.settings.amqp_url)
    _show_keys({"amqp": address, "amqp_user": county_user(region), "amqp_password": password}, as_json)


def _show_keys(keys: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(keys))
        return
    for name, value in keys.items():
        click.echo(f"{name:14} {value}")
    click.echo(both(KEYS_SHOWN_ONCE), err=True)


@command.command()
@click.option("--sums", is_flag=True, help="Only the daily sums that `upstream send` makes.")
@_discard
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
@directory_option
def offer(sums: bool, discard: bool, as_json: bool, directory: Path) -> None:
    """On the county's suite: let the suite above fetch every further event. Prints its keys, new ones each time."""
    wanted, other = (SUMS, EVENTS) if sums else (EVENTS, SUMS)
    with _Suite(connect(directory)) as suite:
        if sums:
            suite.upstreams.declare_sums()
        if not discard:
            suite.upstreams.ensure_fetched(other)
        password = suite.users.put_fetcher(wanted)
        suite.note("upstream.offer", None, suite.users.fetcher, sums=int(sums))
        suite.end_fetched(other, discard=discard)
        address = shown(suite.settings.amqp_url)
    _show_keys({"amqp": address, "amqp_user": suite.users.fetcher, "amqp_password": password}, as_json)


@command.command()
@_discard
@directory_option
def withdraw(discard: bool, directory: Path) -> None:
    """On the county's suite: let the suite above fetch no more, at once."""
    with _Suite(connect(directory)) as suite:
        was_there = suite.users.remove_fetcher()
        suite.end_fetched(EVENTS, SUMS, discard=discard)
        if not was_there:
            raise click.ClickException("nothing is offered: see `hallpulse upstream offer`")
        suite.note("upstream.withdraw", None, suite.users.fetcher)
    click.echo(f"{suite.users.fetcher} may fetch no more")


@command.command()
@click.argument("region", type=Region())
@directory_option
def dismiss(region: int, directory: Path) -> None:
    """On the suite above: take a county's keys away at once. The events that it sent stay and count."""
    with _Suite(connect(directory)) as suite:
        if not suite.users.remove_county(region):
            raise click.ClickException(f"there is no {county_user(region)}: see `hallpulse upstream list`")
        suite.note("upstream.dismiss", region, county_user(region))
    click.echo(f"{county_user(region)} may send no more")


@command.command()
@click.argument("name", type=UpstreamName())
@click.argument("address", metavar="AMQP_URL", required=False)
@click.option("--fetch", "region", type=Region(), metavar="REGION",
              help="On the suite above: fetch this county's events from its suite, by federation.")  # fmt: skip
@click.option("--families", type=Families(), default=EVERYTHING, show_default=True, help="Which events go up.")
@click.option("--sums", is_flag=True, help="No events, but the daily sums that `upstream send` makes of them.")
@directory_option
def add(  # noqa: PLR0917 - its options
    name: str, address: str | None, region: int | None, families: list[str], sums: bool, directory: Path
) -> None:
    """Send every further event to the suite above at AMQP_URL, by a shovel; or fetch a county's, by federation.

    AMQP_URL holds user and password. Leave it out and give it in HALLPULSE_UPSTREAM_URL, so that other users of this
    machine do not see it. Events wait in a queue while the other side cannot be reached.
    """
    given = address or os.environ.get(ADDRESS, "")
    if not given:
        raise BadUsage(f"AMQP_URL: expected amqp://USER:PASSWORD@HOST:PORT/VHOST, or that in {ADDRESS}")
    with _Suite(connect(directory)) as suite:
        check_reached(given)
        known = {one.name: one for one in suite.upstreams.list()}
        if region is None:
            county = suite.upstreams.add_shovel(name, given, families, sums=sums)
        else:
            county = region
            password = suite.users.put_county(region)
            suite.upstreams.add_federation(name, region, given, password, families, sums=sums)
        suite.note("upstream.change" if name in known else "upstream.add", county, name)
    click.echo(f"{name}: {county} → {shown(given)}" if region is None else f"{name}: {shown(given)} → {county}")


@command.command()
@click.argument("name", type=UpstreamName(), metavar="NAME|REGION")
@click.option(
    "--all", "every", is_flag=True, help="Every day's sums, also those sent before, which the suite above lost."
)
@directory_option
def send(name: str, every: bool, directory: Path) -> None:
    """Send the daily sums that changed since the last time, each under its next revision. Run it by a timer.

    NAME is the connection; REGION is this county, where the suite above fetches the sums (`upstream offer --sums`).
    """
    with _Suite(connect(directory)) as suite:
        region = {one.name: one.region for one in suite.upstreams.list()}.get(name)
        if region is None and suite.users.has_fetcher():
            region = county_of(f"county.{name}")
        if region is None:
            raise click.ClickException(f"there is no upstream {name}: see `hallpulse upstream list`")
        sent, last = 0, None
        while changed := suite.sums.changed(region, last, every=every):
            publish_sums(suite.settings.amqp_url, [tally_of(one, datetime.now(UTC)) for one in changed])
            suite.sums.note(changed)
            sent, last = sent + len(changed), changed[-1]
    click.echo(f"{name}: {sent:,} 条日汇总已送出 daily sums sent")


def tally_of(sums: DailySums, now: datetime) -> HallEvent:
    """Return a day's sums as an event. Its time is the end of the day (Asia/Shanghai), or now if that is earlier."""
    ended = midnight_after(day_of(sums.day)) - 1_000_000
    moment = min(ended, int(now.timestamp()) * 1_000_000)
    said = {"date": sums.day.isoformat(), "revision": sums.revision, **sums.counts}
    data = msgspec.convert(said, TallyReported)
    id_ = f"sums-{sums.day.isoformat()}-{sums.revision}"
    return HallEvent(sums.region, sums.hall, id_, EventType.TALLY_REPORTED, moment, data)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@directory_option
def list_upstreams(as_json: bool, directory: Path) -> None:
    """List the connections from and to this suite, with states and waiting events, and the counties that may send."""
    with _Suite(connect(directory)) as suite:
        found, counties = suite.upstreams.list(), suite.users.counties()
    if as_json:
        rows = [{**asdict(one), "region": str(one.region)} for one in found]
        click.echo(json.dumps({"upstreams": rows, "admitted": [str(county) for county in counties]}))
        return
    table = Table("名称 name", "方式 by", "地区 region", "对方 other side", "状态 state", "等待 waiting")
    for one in found:
        table.add_row(one.name, one.kind, str(one.region), escape(escaped(one.address)), one.state, f"{one.waiting:,}")
    screen().print(table)
    click.echo(f"可上送的县 counties that may send: {', '.join(map(str, counties)) or '-'}")


@command.command()
@click.argument("name", type=UpstreamName())
@_discard
@directory_option
def remove(name: str, discard: bool, directory: Path) -> None:
    """End a connection to the suite above, or from a county. Events that were sent stay there."""
    with _Suite(connect(directory)) as suite:
        gone = suite.upstreams.remove(name, discard=discard)
        if gone is None:
            raise click.ClickException(f"there is no upstream {name}: see `hallpulse upstream list`")
        if gone.kind != SHOVEL:
            suite.users.remove_county(gone.region)
        suite.note("upstream.remove", gone.region, name, discarded=gone.waiting)
    click.echo(f"{name}: removed")


class _Suite:
    """A suite's broker and audit."""

    def __init__(self, settings: Settings) -> None:
        if not settings.management_url:
            raise click.ClickException("HALLPULSE_MANAGEMENT_URL: expected the broker's management URL")
        self.settings = settings
        self._store: Store = open_store(settings.database_url, pool_size=1)
        self.users = BrokerUsers(settings.management_url, vhost_of(settings.amqp_url))
        self.sums = self._store.sums
        self.upstreams = Upstreams(settings.management_url, settings.amqp_url)

    def __enter__(self) -> _Suite:
        self._store.ping()  # first, since no change at the broker may miss in the audit
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def note(self, action: str, region: int | None, subject: str, **detail: int) -> None:
        self._store.audit.append(AuditEntry(action, subject, region, detail))

    def end_fetched(self, *exchanges: str, discard: bool) -> None:
        """End what the suite above fetched of these exchanges; its connections are cut, so all that waits counts."""
        if not discard:
            self.upstreams.ensure_fetched(*exchanges)
        self.upstreams.end_fetched(*exchanges)
