"""The built image as the compose file runs it: each service by runc, with its command, variables, secrets and rights.

HALLPULSE_IMAGE names the image in buildah's storage (`make image image-test`). Grafana is left out: no package has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import CaseData, HallEvent
from hallpulse.domain.figures import Window
from tests.image.containers import COMPOSE, Image, from_buildah
from tests.image.suite import NOT_RUN, Suite, suite_of
from tests.oracle import brute
from tests.unit.test_import_county import END, PLACE, county_stream

NAME = os.environ.get("HALLPULSE_IMAGE", "")
OWN = ("ingest", "gateway", "catalogue", "targets", "reports", "notices")
SCRAPED = {"prometheus", *OWN, "rabbitmq", "rabbitmq-queues"}
CASES = 200
PATIENCE_SECONDS = 180.0
LARGEST = 300_000_000
"""Bytes that the image may add to its base."""

pytestmark = [
    pytest.mark.skipif(not NAME, reason="HALLPULSE_IMAGE names no image: make image image-test"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs containers with runc"),
    pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed"),
]


@pytest.fixture(scope="module", name="image")
def mounted() -> Iterator[Image]:
    with from_buildah(NAME) as image:
        yield image


@pytest.fixture(scope="module", name="suite")
def composed(image: Image) -> Iterator[Suite]:
    """All services in the order of `depends_on`."""
    with suite_of(image) as suite:
        for server in ("database", "broker"):
            until(suite.start(server).is_well, f"{server} is not well", suite)
        suite.once("prepare")
        suite.once("logins")
        for name in COMPOSE["services"]:
            if name not in {*suite.running, *NOT_RUN, "prepare", "logins"}:
                suite.start(name)
        until(suite.running["gateway"].is_well, "the gateway is not well", suite)
        yield suite


def until(holds: Callable[[], bool], otherwise: str, suite: Suite) -> None:
    """Wait; if it does not become true, show the ends of the containers' logs."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        ended = [name for name, one in suite.running.items() if one.process.poll() is not None]
        if ended or time.monotonic() > last:
            logs = [f"--- {name}\n{one.log.read_text()[-1500:]}" for name, one in suite.running.items()]
            pytest.fail("\n".join([otherwise, f"ended: {ended}", *logs]))
        time.sleep(0.5)


def secret(suite: Suite, name: str) -> str:
    return (suite.ground.secrets / name).read_text()


def asked(address: str, authorization: str = "", body: bytes | None = None) -> Any:
    """The JSON of a request past every proxy."""
    headers = {"content-type": "application/cloudevents-batch+json"} | (
        {"authorization": authorization} if authorization else {}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(f"http://{address}", body, headers), timeout=60) as answer:
        return json.loads(answer.read())


def some_cases() -> list[HallEvent]:
    stream = county_stream()
    chosen = set(sorted({event.data.case_id for event in stream if isinstance(event.data, CaseData)})[:CASES])
    return [event for event in stream if not isinstance(event.data, CaseData) or event.data.case_id in chosen]


def test_events_sent_to_the_composed_gateway_give_their_figures(suite: Suite) -> None:
    hall = suite.once(
        *("prepare", "hallpulse", "hall", "add", str(PLACE.region), PLACE.hall),
        *("--families", "case,item,heartbeat", "--name", "大厅", "--json"),
    )
    token = json.loads(hall[hall.index("{") :])["token"]
    events = [json.loads(encode_event(event)) for event in some_cases()]
    for start in range(0, len(events), 500):
        sent = asked("127.0.0.1:8080/v1/events", f"Bearer {token}", json.dumps(events[start : start + 500]).encode())
        assert {one["status"] for one in sent["results"]} == {"accepted"}, sent
    window = Window(END.replace(month=1, day=1), END)
    expected = brute.indicators(brute.read(events), str(PLACE.region), window.start, window.end)
    assert expected["acceptance_rate"][1] > CASES // 2
    path = f"127.0.0.1:8080/v1/indicators?region={PLACE.region}&from={window.start}&to={window.end}"

    def shown() -> dict[str, tuple[int, int]]:
        rows = asked(path, f"Bearer {secret(suite, 'read_token')}")["indicators"]
        return {row["id"]: (row["numerator"], row["denominator"]) for row in rows if row["id"] in expected}

    until(lambda: shown() == expected, f"the figures are not {expected}", suite)


def test_every_service_runs_as_nobody_special_on_a_root_that_it_cannot_change(suite: Suite, image: Image) -> None:
    for name in OWN:
        container = suite.running[name]
        lines = Path(f"/proc/{container.pid()}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["Uid"].split() == ["10001"] * 4, name
        assert {int(status[kind], 16) for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}, name
        assert status["NoNewPrivs"] == "1", name
        assert "Read-only file system" in container.run("touch", "/opt/hallpulse/mark").stderr, name
        assert container.run("touch", "/tmp/mark").returncode == 0, name
        own = set(container.run("ls", "/run/secrets").stdout.split())
        assert own == set(COMPOSE["services"][name]["secrets"]), name
    assert image.user == "10001:10001"


@pytest.mark.usefixtures("suite")
def test_metrics_ask_for_a_token() -> None:
    assert asked("127.0.0.1:8080/readyz")
    for name in OWN[:1] + OWN[2:]:
        port = COMPOSE["services"][name]["environment"]["HALLPULSE_METRICS_PORT"]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            asked(f"127.0.0.1:{port}/metrics")


def test_prometheus_reaches_every_service_and_alertmanager(suite: Suite) -> None:
    login = f"Basic {b64encode(b'hallpulse:' + secret(suite, 'prometheus_password').encode()).decode()}"

    def up() -> set[str]:
        try:
            rows = asked("127.0.0.1:9090/api/v1/query?query=up==1", login)["data"]["result"]
        except urllib.error.URLError:
            return set()
        return {row["metric"]["job"] for row in rows}

    until(lambda: up() == SCRAPED, f"not scraped: {SCRAPED - up()}", suite)
    found = asked("127.0.0.1:9090/api/v1/alertmanagers", login)["data"]["activeAlertmanagers"]
    assert [one["url"] for one in found] == ["http://alertmanager:9093/api/v2/alerts"]
    groups = asked("127.0.0.1:9090/api/v1/rules", login)["data"]["groups"]
    assert {Path(group["file"]).name for group in groups} == {path.name for path in Path(COMPOSE_RULES).glob("*.yml")}


COMPOSE_RULES = Path(__file__).parents[2] / "plans" / "_gen" / "rules"


def test_a_report_is_written_as_pdf_with_the_images_fonts(suite: Suite) -> None:
    suite.once(
        *("prepare", "hallpulse", "report", "2026-10", "--region", str(PLACE.region), "--format", "pdf"),
        *("--out", "/tmp/report.pdf"),
    )


def test_the_bill_of_materials_names_what_is_installed(image: Image) -> None:
    bill = json.loads((image.root / "usr/share/hallpulse/sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    named = {one["name"]: one["version"] for one in bill["components"]}
    packages = (image.root / "opt/hallpulse/lib").glob("python3*/site-packages/*.dist-info/METADATA")
    heads = [dict(line.split(": ", 1) for line in path.read_text().splitlines()[:3]) for path in packages]
    installed = {head["Name"].lower().replace("_", "-").replace(".", "-"): head["Version"] for head in heads}
    assert installed.pop("hallpulse") == bill["metadata"]["component"]["version"]
    assert {name: named.get(name) for name in installed} == installed
    elsewhere = {one["name"] for one in bill["components"] if "properties" in one}  # by a marker: for other systems
    assert set(named) - set(installed) <= elsewhere
    assert len(installed) > 50


def test_the_image_is_labelled_and_holds_no_tests_compilers_or_caches(image: Image) -> None:
    name = "org.opencontainers.image"
    assert image.labels[f"{name}.version"] == version("hallpulse")
    assert {f"{name}.{key}" for key in ("title", "description", "licenses", "base.name")} <= set(image.labels)
    for program in ("gcc", "cc", "uv", "rabbitmq-server", "postgres"):
        assert not [
            path
            for place in ("usr/bin", "usr/local/bin", "opt/hallpulse/bin")
            if (path := image.root / place / program).exists()
        ], program
    assert not list((image.root / "var/lib/apt/lists").glob("*"))
    assert not list((image.root / "root").glob(".cache"))
    assert not (image.root / "opt/hallpulse/lib/python3.11/site-packages/tests").exists()
    added = sum(
        path.lstat().st_size
        for place in ("opt", "app", "usr/share/fonts", "usr/share/hallpulse")
        for path in (image.root / place).rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    assert added < LARGEST, added


def test_a_service_ends_by_itself_when_compose_stops_it(suite: Suite) -> None:
    for name in OWN:
        assert suite.running.pop(name).stop() == 0, name
    for name in ("prometheus", "alertmanager"):
        assert "Traceback" not in suite.running[name].log.read_text()


def test_no_service_of_the_image_said_an_error(suite: Suite) -> None:
    logs = {path.parent.name: path.read_text() for path in suite.ground.directory.glob("bundles/*/log")}
    for name in (*OWN, "prepare", "logins"):
        said = [log for key, log in logs.items() if key.startswith(name)]
        assert said, name
        assert not [log for log in said if "Traceback" in log or "Error" in log], said
    assert subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.count("\n") == 1
