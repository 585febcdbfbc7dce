"""What another user of the machine gets of a running suite, and a page of elsewhere in its owner's browser."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from services.local import programs
from tests import browser
from tests.e2e.suite_at import processes_of, suite_at
from tests.security.neighbour import Found, as_another_user, files_of

pytestmark = pytest.mark.attack
STRANGER, NOBODY = 54_321, 65_534
SILENCE = json.dumps(
    {
        "matchers": [{"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True}],
        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2036-01-01T00:00:00Z", "createdBy": "x", "comment": "x",
    }
)  # fmt: skip
ALERT = json.dumps([{"labels": {"alertname": "TargetMissed", "region": "222424", "lead": "operators"}}])
NOTIFICATION = json.dumps(
    {
        "version": "4", "receiver": "bureau", "status": "firing",
        "alerts": [
            {
                "status": "firing", "labels": {"alertname": "TargetMissed"}, "annotations": {"summary": "x"},
                "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f",
            }
        ],
    }
)  # fmt: skip
PATHS = (
    "/", "/metrics", "/metrics/detailed", "/metrics/per-object", "/healthz", "/readyz", "/-/ready", "/-/healthy",
    "/graph", "/federate?match[]=up", "/api/v1/query?query=up", "/api/v1/targets", "/api/v1/status/config",
    "/api/v1/rules", "/api/v1/alerts", "/api/v1/silences", "/api/v2/alerts", "/api/v2/silences", "/api/v2/status",
    "/debug/pprof/", "/debug/pprof/heap", "/api/overview", "/api/definitions", "/api/whoami", "/v1/notices",
    "/v1/indicators?region=222424&from=2026-01-01&to=2026-12-31", "/v1/regions",
    "/v1/cases?region=222424&state=overdue",
)  # fmt: skip
POSTS = tuple(
    (path, kind, body)
    for kind in ("application/json", "text/plain")
    for path, body in (
        ("/api/v1/silences", SILENCE), ("/api/v2/silences", SILENCE), ("/api/v1/alerts", ALERT),
        ("/api/v2/alerts", ALERT), ("/v1/alerts", NOTIFICATION), ("/v1/events", "[]"), ("/-/quit", ""),
        ("/-/reload", ""),
        ("/api/v1/admin/tsdb/delete_series?match[]=up", ""), ("/v1/notices/acknowledge", "{}"), ("/api/v1/write", ""),
    )
)  # fmt: skip
OPEN = {
    "gateway": {"/", "/metrics", "/healthz", "/readyz"},
    "broker-management": {"/"},
    **{name: {"/healthz"} for name in ("ingest", "catalogue", "targets", "reports")},
    "notices": {"/healthz", "/readyz"},
}
"""Documented as open: the gateway's page, who is alive, requests counted by route, and RabbitMQ's sign-in page."""


LOOPBACK = {"127.0.0.1", "::1"}


def listening_addresses(pid: int) -> set[str]:
    """On which a process or one that it began accepts connections."""
    began = psutil.Process(pid)
    found = set[str]()
    for process in (began, *began.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    return found


@dataclass(frozen=True)
class Suite:
    directory: Path
    endpoints: dict[str, Any]

    @cached_property
    def environment(self) -> dict[str, str]:
        read: dict[str, str] = json.loads((self.directory / "environment.json").read_text())
        return read

    @property
    def ports(self) -> dict[str, int]:
        read: dict[str, int] = json.loads((self.directory / "ports.json").read_text())
        return read

    @property
    def secrets(self) -> set[str]:
        read: dict[str, str] = json.loads((self.directory / "keys.json").read_text())
        return {secret for secret in read.values() if secret}  # the previous password is empty but during a rotation

    def environment_of(self, part: str) -> dict[str, str]:
        raw = Path(f"/proc/{processes_of(self.directory)[part]}/environ").read_text()
        return dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)

    def silences_alerts_and_notices(self) -> tuple[list[Any], list[Any], list[Any]]:
        """What the owner sees, whom all of them let in."""
        address = self.endpoints["alertmanager"]
        silences = httpx.get(f"{address}/api/v2/silences").raise_for_status().json()
        alerts = httpx.get(f"{address}/api/v2/alerts").raise_for_status().json()
        token = {"Authorization": f"Bearer {self.endpoints['token']}"}
        notices = httpx.get(f"{self.environment['HALLPULSE_NOTICES_URL']}/v1/notices", headers=token)
        forged = [alert for alert in alerts if alert["labels"] == json.loads(ALERT)[0]["labels"]]
        return silences, forged, [n for n in notices.raise_for_status().json()["notices"] if n["fingerprint"] == "f"]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    directory = tmp_path_factory.mktemp("machine") / "run"
    directory.parent.chmod(0o755)
    with suite_at(directory) as endpoints:
        yield Suite(directory, endpoints)


@pytest.fixture(scope="module", params=[STRANGER, NOBODY], ids=["a-stranger", "nobody"])
def found(suite: Suite, request: pytest.FixtureRequest) -> Found:
    return as_another_user(
        request.param,
        {
            "ports": list(suite.ports.values()), "paths": PATHS, "posts": POSTS, "files": files_of(suite.directory),
            "pids": list(processes_of(suite.directory).values()),
        },
    )  # fmt: skip


def test_another_user_reads_and_posts_nothing_at_any_port(suite: Suite, found: Found) -> None:
    allowed = {("GET", suite.ports[name], path) for name, paths in OPEN.items() for path in paths}
    assert found.asked > 3_000
    assert {(method, port, path) for method, port, path, _ in found.got} <= allowed
    assert suite.silences_alerts_and_notices() == ([], [], [])


def test_another_user_reads_and_writes_no_file_and_looks_into_no_process(suite: Suite, found: Found) -> None:
    assert len(files_of(suite.directory)) > 100
    assert (found.read, found.written, found.environment, found.signalled) == ([], [], [], [])
    said = " ".join(found.arguments.values())
    assert "services.gateway" in said
    assert not {secret for secret in suite.secrets if secret in said}


def test_the_suites_secrets_are_their_owners_alone(suite: Suite) -> None:
    for path in map(Path, files_of(suite.directory)):
        if path.suffix != ".log" and not any(part in ("data", "log") for part in path.parts):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_is_open_without_a_token_names_no_hall_and_no_figure(suite: Suite) -> None:
    text = httpx.get(f"{suite.endpoints['gateway']}/metrics").text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert {
        name
        for name in names
        if not name.startswith(("hallpulse_gateway_", "hallpulse_suite_", "hallpulse_build_info", "process_"))
    } == set()
    assert "222424" not in text


def test_nothing_of_the_suite_listens_where_another_machine_could_reach_it(suite: Suite) -> None:
    reached = {part: listening_addresses(pid) - LOOPBACK for part, pid in processes_of(suite.directory).items()}
    assert {part: addresses for part, addresses in reached.items() if addresses} == {}
    assert listening_addresses(processes_of(suite.directory)["broker"])  # so that it cannot pass by seeing nothing


def test_a_program_that_knows_only_endpoints_json_reads_metrics_prometheus_and_alertmanager(suite: Suite) -> None:
    there = suite.endpoints
    for url in (
        *there["metrics"],
        f"{there['prometheus']}/api/v1/query?query=up",
        f"{there['alertmanager']}/api/v2/alerts",
    ):
        assert httpx.get(url).status_code == 200
        if shutil.which("curl"):
            assert subprocess.run(["curl", "-sf", "-o", "/dev/null", url], check=False).returncode == 0
    assert (suite.directory / "endpoints.json").stat().st_mode & 0o077 == 0


def test_the_database_and_the_broker_let_in_who_guesses_no_password(suite: Suite) -> None:
    psql = programs.postgres_programs() / "psql"
    for user in ("hallpulse", "postgres", "gateway", "ingest", "root"):
        for password in ("", user, "hallpulse", "postgres"):
            url = f"postgresql://{user}:{password}@127.0.0.1:{suite.ports['database']}/hallpulse"
            done = subprocess.run([psql, "-w", url, "-c", "SELECT 1"], capture_output=True, text=True, check=False)
            assert done.returncode != 0, url
    with (
        socket.create_connection(("127.0.0.1", suite.ports["broker-metrics"]), 5) as plain,
        contextlib.suppress(OSError),
    ):
        plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"rabbitmq" not in plain.recv(1 << 16)
    with contextlib.suppress(httpx.TransportError):
        answer = httpx.get(f"https://127.0.0.1:{suite.ports['broker-metrics']}/metrics", verify=False)
        raise AssertionError(f"answered without a certificate: {answer.status_code}")


FORBIDDEN_TO_ALL = (
    "COPY (SELECT 1) TO PROGRAM 'true'", "COPY events TO '/tmp/events'", "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')", "ALTER TABLE audit DISABLE TRIGGER ALL", "SET session_replication_role = replica",
    "UPDATE audit SET actor = ''", "DELETE FROM audit", "TRUNCATE audit", "DROP TABLE cells",
    "CREATE TABLE mine (a int)",
    "ALTER TABLE events ADD COLUMN mine int", "CREATE ROLE mine", "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "UPDATE alembic_version SET version_num = '1'",
    "INSERT INTO tokens (token_hash, role) VALUES ('a', 'operator')", "DELETE FROM halls",
    "INSERT INTO halls (region, hall, families) VALUES (1, 'a', '{}')", "TRUNCATE events",
    "UPDATE events SET hall = 'a'",
    "DELETE FROM events", "SELECT rolpassword FROM pg_authid",
)  # fmt: skip
OTHERS_TABLES = {
    "gateway": (
        "UPDATE cells SET day = day", "UPDATE cases SET score = 5", "DELETE FROM ledger", "DELETE FROM calendars",
        "SELECT * FROM notices", "UPDATE tokens SET role = 'operator'", "SELECT * FROM notice_deliveries",
    ),
    "ingest": ("SELECT * FROM tokens", "SELECT * FROM notices", "SELECT actor FROM audit", "DELETE FROM cells"),
    "catalogue": ("UPDATE item_spans SET name = 'a'", "SELECT * FROM tokens", "INSERT INTO regions VALUES (1)"),
    "targets": ("UPDATE figures SET numerator = 1", "SELECT * FROM tokens", "UPDATE cells SET day = day"),
    "reports": ("UPDATE cases SET score = 5", "SELECT * FROM tokens", "SELECT actor FROM audit"),
    "notices": ("SELECT * FROM events", "SELECT * FROM cases", "SELECT * FROM tokens", "DELETE FROM notices"),
}  # fmt: skip


@pytest.mark.parametrize("service", OTHERS_TABLES)
def test_a_service_that_was_taken_over_leaves_the_server_the_audit_and_others_tables_alone(
    suite: Suite, service: str
) -> None:
    """With the login that its own process holds."""
    url = suite.environment_of(service)["HALLPULSE_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (*FORBIDDEN_TO_ALL, *OTHERS_TABLES[service]):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_no_service_is_told_an_administrators_address_or_anothers_secret(suite: Suite) -> None:
    keys = json.loads((suite.directory / "keys.json").read_text())
    of_alertmanager = {"alertmanager", "alertmanager_path"}  # the inbox of notices shows what fires there
    nobodys = {"database", "services", "prometheus"}
    told = {name: " ".join(suite.environment_of(name).values()) for name in OTHERS_TABLES}
    for name, text in told.items():
        others = nobodys if name == "notices" else nobodys | of_alertmanager
        assert not {key for key in others if keys[key] in text}, name
        assert "HALLPULSE_MANAGEMENT_URL" not in suite.environment_of(name)
    assert keys["operator"] not in told["gateway"]
    assert {name for name, text in told.items() if keys["token"] in text} == {"gateway", "notices"}
    assert {name for name, text in told.items() if keys["notices"] in text} == {"notices"}


PAGE = """<!doctype html><title>elsewhere</title><script>
const ports = %(ports)s, paths = %(paths)s, posts = %(posts)s;
const read = [];
const patience = () => AbortSignal.timeout(4000);
async function fetched(address, options) {
  try {
    const answer = await fetch(address, {credentials: "include", signal: patience(), ...options});
    if (answer.type !== "opaque") read.push([address, answer.status, (await answer.text()).length]);
  } catch (error) {}
}
function form(address, body) {
  const made = document.createElement("form");
  Object.assign(made, {method: "POST", action: address, enctype: "text/plain", target: "sink"});
  const field = document.createElement("input");
  // name=value is one JSON text: the equals sign lies in a string of it.
  Object.assign(field, {name: body.slice(0, -1) + ', "z": "', value: '"' + body.slice(-1)});
  made.append(field); document.body.append(made); made.submit(); made.remove();
}
async function attack() {
  const sink = document.createElement("iframe"); sink.name = "sink"; document.body.append(sink);
  for (const port of ports) {
    const at = `http://127.0.0.1:${port}`, waiting = [];
    for (const path of paths) {
      waiting.push(fetched(at + path, {}), fetched(at + path, {credentials: "omit"}));
    }
    for (const [path, kind, body] of posts) {
      for (const mode of ["cors", "no-cors"]) {
        waiting.push(fetched(at + path, {method: "POST", mode, body, headers: {"Content-Type": kind}}));
      }
      waiting.push(fetched(at + path, {method: "POST", mode: "no-cors", body: new Blob([body])}));
      if (body.startsWith("{")) form(at + path, body);
    }
    await Promise.all(waiting);
  }
  return JSON.stringify(read);
}
</script><body></body>"""


@contextlib.contextmanager
def a_page_elsewhere(suite: Suite) -> Iterator[str]:
    """The address of a page on another port of this machine; it knows the suite's ports."""
    listening = {
        name: port for name, port in suite.ports.items() if name not in ("broker", "database", "broker-mapper")
    }
    given = {"ports": list(listening.values()), "paths": PATHS, "posts": POSTS}
    content = (PAGE % {name: json.dumps(value) for name, value in given.items()}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(browser.program() is None, reason="no Chromium is installed")
@pytest.mark.parametrize("signed_in", [False, True], ids=["signed-out", "signed-in"])
def test_a_page_of_another_origin_reads_posts_and_silences_nothing(suite: Suite, signed_in: bool) -> None:
    with a_page_elsewhere(suite) as address, browser.browsing() as page:
        if signed_in:
            for name in ("prometheus", "alertmanager"):
                page.open(suite.endpoints[name])
                page.until("document.title.length > 0 && !document.title.includes('401')")
        page.open(address)
        page.until("document.title", "elsewhere")
        read = json.loads(page.value("attack()"))
    time.sleep(2)
    assert read == []
    assert suite.silences_alerts_and_notices() == ([], [], [])
