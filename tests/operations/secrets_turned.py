"""Secrets turned over under load: every password, token and certificate of a deployment, and a hall's own keys.

The broker and the gateway speak TLS alone. The old secrets must open nothing afterwards, and nothing may be lost.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from hallpulse.broker import open_channel
from hallpulse.broker.management import ManagementApi
from hallpulse.domain.errors import HallpulseError
from hallpulse.settings import DATABASE_SERVICES
from hallpulse.tls import TlsFiles
from services.local import ports, programs
from services.local.certificates import make_certificates
from services.local.process_groups import wait_until
from services.local.rabbitmq import RabbitMQ
from tests.e2e.suite_at import endpoints, hallpulse, suite_at
from tests.operations.recipes import CHECKOUT, follow
from tests.operations.site import PATIENCE, Instance, Program, Site, command, site
from tests.operations.standing import Report, recomputed
from tests.oracle.streams import stream
from tests.servers import BrokerServer, broker_server, scratch

EVENTS = 12_000
SUITE_EVENTS = 1_500
_RATE = 80
_URLS = ("database_url", *(f"{name}_database_url" for name in DATABASE_SERVICES), "amqp_url", "gateway_amqp_url",
         "management_url")  # fmt: skip
_PREPARED = (*_URLS, "previous_database_url", "previous_management_url")


class Deployment:
    """deploy/secrets.sh in a folder of its own, and the certificates: what an operator has."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        shutil.copy(CHECKOUT / "deploy" / "secrets.sh", directory)
        self.script("")
        self.authorities = directory / "authorities.pem"

    def script(self, words: str) -> None:
        subprocess.run(["sh", str(self.directory / "secrets.sh"), *words.split()], check=True, capture_output=True)

    def file(self, name: str) -> Path:
        return self.directory / "secrets" / name

    def secret(self, name: str) -> str:
        return self.file(name).read_text().strip()

    def files(self, *names: str) -> dict[str, str]:
        """Settings that name the files."""
        return {f"HALLPULSE_{name.upper()}_FILE": str(self.file(name)) for name in names}

    def place(self, broker: BrokerServer, database: Instance) -> None:
        """Write where the servers are, as for managed ones."""
        places = {
            "@database:5432": f"@127.0.0.1:{database.server.port}",
            "@broker:5672": f"@127.0.0.1:{broker.server.ports.amqp}",
            "@broker:15672": f"@127.0.0.1:{broker.server.ports.management}",
            "amqp:": "amqps:",
            "http:": "https:",
        }
        for name in _URLS:
            text = self.file(name).read_text()
            for old, new in places.items():
                text = text.replace(old, new)
            self.file(name).write_text(text)

    def certify(self) -> TlsFiles:
        """Make an authority and a certificate; every client trusts this authority and those before it."""
        made = make_certificates([], datetime.now(UTC), timedelta(days=30)).files()
        for name in ("server.pem", "server.key"):
            (self.directory / name).write_bytes(made[name])
        with self.authorities.open("ab") as bundle:
            bundle.write(made["ca.pem"])
        return TlsFiles(str(self.authorities), str(self.directory / "server.pem"), str(self.directory / "server.key"))


@dataclass
class Knocker:
    """Asks the gateway ten times a second, with the token that it knows or else the one in the file."""

    url: str
    deployment: Deployment
    answered: int = 0
    longest: float = 0.0
    _closing: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        last, token = time.monotonic(), self.deployment.secret("read_token")
        while not self._closing.wait(0.1):
            try:
                context = ssl.create_default_context(cafile=str(self.deployment.authorities))
                answer = httpx.get(f"{self.url}/v1/regions", headers={"authorization": f"Bearer {token}"},
                                   verify=context, timeout=5)  # fmt: skip
                good = answer.status_code == 200
                if answer.status_code == 401:
                    token = self.deployment.secret("read_token")
            except (httpx.HTTPError, ssl.SSLError):
                good = False
            if good:
                self.answered += 1
                self.longest, last = max(self.longest, time.monotonic() - last), time.monotonic()

    def close(self) -> None:
        self._closing.set()


def run(seed: int) -> Report:
    report = Report(f"secrets turned over, seed {seed}")
    with scratch("secrets") as directory:
        deployment = Deployment(directory / "deploy")
        with broker_server(deployment.certify()) as broker, site(directory, broker, EVENTS, seed) as made:
            _begin(made, deployment)
            _turn(made, deployment, report)
    _turn_suite(seed, report)
    return report


def _turn_suite(seed: int, report: Report) -> None:
    """The suite of one machine: the same figures after it, and nothing opens by what opened before."""
    events = [one for one in stream(seed, SUITE_EVENTS, ("222424",)) if one["source"] == "/222424/hall-1"]
    with scratch("suite") as directory, suite_at(directory) as before:
        keys = json.loads(_hallpulse(directory, "hall", "add", "222424", "hall-1", "--families",
                                     "case,figure,heartbeat,item,tally", "--json"))  # fmt: skip
        file = directory / "events.ndjson"
        file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events))
        hall = f"amqp://{keys['amqp_user']}:{keys['amqp_password']}@{before['amqp'].partition('://')[2]}"
        publish = ("publish", str(file), "--outbox", str(directory / "hall.outbox"))
        _hallpulse(directory, *publish, HALLPULSE_AMQP_URL=hall)
        distinct = len({one["id"] for one in events})
        wait_until(lambda: _count(before["database"]) == distinct, PATIENCE)
        shown = _indicators(before, before["token"])
        follow("secrets-suite", SUITE=directory)
        after = endpoints(directory)
        _hallpulse(directory, *publish, HALLPULSE_AMQP_URL=hall)  # the hall's own password is as it was
        report.say("`hallpulse up`, figures equal after the rotation", _indicators(after, after["token"]) == shown)
        report.say("its events before | after", f"{distinct} | {_count(after['database'])}")
        report.say("its recompute --check", _hallpulse(directory, "recompute", "--check").strip())
        if _indicators(after, after["token"]) != shown or _count(after["database"]) != distinct:
            report.wrong.append("the suite's figures differ after the rotation of its keys")
        report.wrong += [f"the suite's old {what} still opens" for what in _opened(before, after)]


def _opened(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Which of a suite's earlier addresses and tokens still open it."""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(before["database"]).close()
        yield "address of the database"
    if httpx.get(f"{after['gateway']}/v1/regions", headers=_bearer(before["token"])).status_code != 401:
        yield "token"
    for name in ("prometheus", "alertmanager"):
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(before[name]).status_code < 400:
                yield name


def _hallpulse(directory: Path, *arguments: str, **environment: str) -> str:
    done = hallpulse(*arguments, directory=directory, **environment)
    if done.returncode:
        raise RuntimeError(f"hallpulse {arguments[0]}: {done.stderr[-500:]}")
    return done.stdout


def _count(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT count(*) FROM events").fetchone()
    return int(row[0]) if row else 0


def _indicators(suite: dict[str, Any], token: str) -> object:
    window = {"region": "222424", "from": "2026-01-01", "to": "2026-12-31"}
    answer = httpx.get(f"{suite['gateway']}/v1/indicators", params=window, headers=_bearer(token), timeout=60)
    return answer.raise_for_status().json()["indicators"]


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _begin(made: Site, deployment: Deployment) -> None:
    """A running deployment: the owner's and the broker's passwords are those that were drawn."""
    broker = made.broker
    owner = psycopg.connect(made.database.url, autocommit=True)
    owner.execute(f"ALTER ROLE hallpulse PASSWORD '{deployment.secret('database_password')}'")
    owner.close()
    made.database.server = replace(made.database.server, password=deployment.secret("database_password"))
    broker.add_user("hallpulse", deployment.secret("broker_password"), tags="administrator")
    broker.permit("hallpulse", "/")
    deployment.place(broker, made.database)
    made.prepare(given=_given(deployment, *_PREPARED))


def _given(deployment: Deployment, *names: str) -> dict[str, str]:
    """The files in place of the site's own URLs."""
    plain = dict.fromkeys(("HALLPULSE_AMQP_URL", "HALLPULSE_DATABASE_URL", "HALLPULSE_MANAGEMENT_URL"), "")
    return plain | deployment.files(*names) | {"HALLPULSE_TLS_CA": str(deployment.authorities)}


def _worker(made: Site, deployment: Deployment, name: str) -> Program:
    own = {"HALLPULSE_DATABASE_URL_FILE": str(deployment.file("ingest_database_url"))}
    return made.worker(name, given=_given(deployment, "amqp_url", "metrics_token") | own)


def _gateway(made: Site, deployment: Deployment) -> Program:
    own = {
        "HALLPULSE_AMQP_URL_FILE": str(deployment.file("gateway_amqp_url")),
        "HALLPULSE_DATABASE_URL_FILE": str(deployment.file("gateway_database_url")),
        "HALLPULSE_GATEWAY_PORT": str(ports.choose(["gateway"])["gateway"]),
        "HALLPULSE_TLS_CERT": str(deployment.directory / "server.pem"),
        "HALLPULSE_TLS_KEY": str(deployment.directory / "server.key"),
        "HALLPULSE_PLANS": str(CHECKOUT / "plans"),
    }
    settings = _given(deployment, "read_token", "metrics_token") | own
    return Program("gateway", made.directory / "gateway.log", "services.gateway", settings)


def _turn(made: Site, deployment: Deployment, report: Report) -> None:
    workers = [_worker(made, deployment, name) for name in ("ingest-1", "ingest-2")]
    gateway = _gateway(made, deployment)
    knocker = Knocker(f"https://127.0.0.1:{gateway.settings['HALLPULSE_GATEWAY_PORT']}", deployment)
    try:
        for one in (*workers, gateway):
            one.start()
        made.add_halls()
        made.flow(_RATE)
        threading.Thread(target=knocker.run, daemon=True).start()
        made.await_stored(EVENTS // 10)
        old = {name: deployment.secret(name) for name in (*_URLS, "read_token", "metrics_token")}
        report.say("events stored before", f"{made.stored():,}")
        _turn_secrets(made, deployment, [*workers, gateway], report)
        report.wrong += _still_open(old, knocker.url, deployment, report)
        _turn_certificates(made, deployment, gateway, report)
        _turn_hall(made, deployment, report)
        report.say("events stored when all was turned", f"{made.stored():,}")
    finally:
        knocker.close()
        gateway.close()
    report.say("answers of the gateway | longest pause", f"{knocker.answered} | {knocker.longest:.1f} s")
    report.judge(made.finish())
    report.say("recompute --check", recomputed(made.database.url))


def _turn_secrets(made: Site, deployment: Deployment, services: list[Program], report: Report) -> None:
    """The commands of the page, and between them one service after the other started again."""
    follow("secrets-rotate", DEPLOY=deployment.directory)
    made.database.server = replace(made.database.server, password=deployment.secret("database_password"))
    made.prepare(given=_given(deployment, *_PREPARED))
    before = made.stored()
    for one in services:
        began = time.monotonic()
        one.stop()
        one.start()
        report.say(f"{one.name} started again, in", f"{time.monotonic() - began:.1f} s")
    made.await_stored(before + 50)
    follow("secrets-done", DEPLOY=deployment.directory)


def _still_open(old: dict[str, str], gateway: str, deployment: Deployment, report: Report) -> list[str]:
    """Which of the old secrets still open something, and which of the new ones do not."""
    found = []
    for name in _URLS:
        if _opens(name, old[name], deployment):
            found.append(f"the old {name} still opens")
        if not _opens(name, deployment.secret(name), deployment):
            found.append(f"the new {name} does not open")
    for token, status in ((old["read_token"], 401), (deployment.secret("read_token"), 200)):
        context = ssl.create_default_context(cafile=str(deployment.authorities))
        asked = httpx.get(f"{gateway}/v1/regions", headers={"authorization": f"Bearer {token}"}, verify=context)
        if asked.status_code != status:
            found.append(f"a read token: {asked.status_code} instead of {status}")
    report.say("old secrets that open something, new that do not", f"{len(found)} of {2 * len(_URLS) + 2}")
    return found


def _opens(name: str, url: str, deployment: Deployment) -> bool:
    trusting = f"?cacertfile={deployment.authorities}"
    try:
        if name == "management_url":
            ManagementApi(f"{url}{trusting}").read("whoami")
        elif name.endswith("amqp_url"):
            with open_channel(f"{url}{trusting}"):
                pass
        else:
            psycopg.connect(url).close()
    except (HallpulseError, psycopg.OperationalError):
        return False
    return True


def _turn_certificates(made: Site, deployment: Deployment, gateway: Program, report: Report) -> None:
    """The authority of the new ones is trusted first; the broker then reads the new files, and nobody is cut off."""
    server = made.broker.server
    connections = {one["name"] for one in json.loads(made.broker.manage("GET", "connections"))}
    before = _serial(server.ports.amqp)
    new = deployment.certify()
    for name, path in (("ca.pem", new.ca), ("server.pem", new.cert), ("server.key", new.key)):
        (server.directory / name).write_bytes(Path(path).read_bytes())
    _broker_control(server, "eval", "ssl:clear_pem_cache().")
    if not wait_until(lambda: _serial(server.ports.amqp) != before, PATIENCE):
        report.wrong.append("the broker still shows its old certificate")
    gateway.stop()
    gateway.start()
    after = {one["name"] for one in json.loads(made.broker.manage("GET", "connections"))}
    report.say("connections to the broker that the new certificate left open", f"{len(connections & after)}")


def _serial(port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain) as shown:
        return sha256(shown.getpeercert(binary_form=True) or b"").hexdigest()


def _broker_control(server: RabbitMQ, *words: str) -> None:
    tool = programs.rabbitmq_server().with_name("rabbitmqctl")
    environment = dict(server.command().environment)
    subprocess.run([str(tool), "-n", environment["RABBITMQ_NODENAME"], *words], env=environment,
                   cwd=server.directory, check=True, capture_output=True, timeout=60)  # fmt: skip


def _turn_hall(made: Site, deployment: Deployment, report: Report) -> None:
    """A hall's keys: its program is turned away with its old password and says so, and goes on with the new one."""
    hall = made.halls[0]
    region, _, name = hall.name.partition(".")
    settings = _given(deployment, "amqp_url", "database_url", "management_url")
    program = str(Path(sys.executable).with_name("hallpulse"))
    done = command(program, "hall", "rotate", region, name, "--json", **settings)
    if done.returncode:
        raise RuntimeError(f"hall rotate: {done.stderr}")
    keys = json.loads(done.stdout)
    event = made.directory / "one.ndjson"
    event.write_text(json.dumps(made.history.good[f"/{region}/{name}"][0], ensure_ascii=False) + "\n")
    old = made.urls[hall.name]
    told = command(program, "publish", str(event), "--outbox", str(made.directory / "old.outbox"),
                   HALLPULSE_AMQP_URL=old, HALLPULSE_DATABASE_URL="postgresql://none")  # fmt: skip
    report.say("`publish` with the old password", f"status {told.returncode}: {told.stderr.strip()[-160:]}")
    if told.returncode == 0 or "Traceback" in told.stderr or not told.stderr.strip():
        report.wrong.append("the old password gives no clear error")
    made.move_hall(hall, old.replace(urlsplit(old).password or "", keys["amqp_password"]))
