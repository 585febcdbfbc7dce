"""`hallpulse certs`: make certificates for tests of encrypted connections."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from hallpulse.contract.reasons import both
from services.console.console_texts import FOR_TESTS_ONLY
from services.console.usage import BadUsage
from services.local.certificates import make_certificates

DAYS = 90
_PUBLIC, _SECRET = 0o644, 0o600
_NAME = re.compile(r"(?=.{1,253}$)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to write them.")
@click.option("--host", "hosts", multiple=True, metavar="NAME",
              help="A name or address of the servers besides localhost, 127.0.0.1, ::1; again for more.")  # fmt: skip
@click.option("--days", type=click.IntRange(1, DAYS), default=DAYS, show_default=True, help="How long they are good.")
def command(out: Path, hosts: tuple[str, ...], days: int) -> None:
    """Write certificates FOR TESTS into a directory: of an authority, of a server and of a client.

    Programs that connect trust ca.pem (HALLPULSE_TLS_CA); servers and services show server.pem with server.key
    (HALLPULSE_TLS_CERT, HALLPULSE_TLS_KEY); a client that is asked for a certificate shows client.pem with client.key.
    The authority's key is not kept. Existing files are not overwritten.

    生成测试用证书：证书机构、服务器和客户端各一份。正式环境请使用本单位证书机构签发的证书。
    """
    for host in hosts:
        _check(host)
    files = make_certificates([host.lower() for host in hosts], datetime.now(UTC), timedelta(days=days)).files()
    _refuse_to_overwrite(out, files)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        _write(out / name, content)
        click.echo(out / name)
    click.echo(both(FOR_TESTS_ONLY).format(days=days), err=True)


def _check(host: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host.lower()):
            raise BadUsage(f"--host {host}: expected a name such as broker.example.gov.cn, or an address") from None


def _refuse_to_overwrite(out: Path, files: Mapping[str, bytes]) -> None:
    there = [name for name in files if (out / name).exists()]
    if there:
        raise click.ClickException(f"{out} holds {', '.join(there)} already: choose another directory")


def _write(path: Path, content: bytes) -> None:
    mode = _SECRET if path.suffix == ".key" else _PUBLIC
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
