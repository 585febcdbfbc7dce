"""What the suite writes for its servers: pure text, no server runs."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import stat
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import bcrypt
import pytest
import yaml

from hallpulse.settings import DATABASE_SERVICES
from hallpulse.tls import NO_FILES, TlsFiles
from services.local import keys, ports
from services.local.applications import told
from services.local.encryption import tls_files
from services.local.files import CannotRun
from services.local.monitoring import (
    ScrapeJob,
    alertmanager_configuration,
    prometheus_configuration,
    web_configuration,
    with_login,
    without_login,
)
from services.local.parts import FAILING_AFTER, Restarts
from services.local.rabbitmq import BrokerPorts, User, configuration, definitions, password_hash
from services.local.suite_directory import SuiteDirectory
from tests.authority import authority

_PORTS = BrokerPorts(amqp=1, management=2, metrics=3, distribution=4, mapper=5)


def test_the_broker_listens_on_the_loopback_address_alone() -> None:
    listeners = [line for line in configuration(_PORTS).splitlines() if "tcp" in line]
    assert "listeners.tcp.1 = 127.0.0.1:1" in listeners
    assert "management.tcp.ip = 127.0.0.1" in listeners
    assert "prometheus.tcp.ip = 127.0.0.1" in listeners


def test_an_encrypted_broker_listens_nowhere_in_plain_text_but_for_its_own_metrics() -> None:
    lines = configuration(_PORTS, encrypted=True).splitlines()
    assert [line for line in lines if "tcp" in line] == [
        "listeners.tcp = none", "prometheus.tcp.ip = 127.0.0.1", "prometheus.tcp.port = 3",
    ]  # fmt: skip
    assert {"listeners.ssl.1 = 127.0.0.1:1", "management.ssl.ip = 127.0.0.1"} <= set(lines)
    versions = {line.partition(" = ")[2] for line in lines if ".versions." in line}
    assert versions == {"tlsv1.2", "tlsv1.3"}


def test_certificates_are_made_once_and_again_before_they_end(tmp_path: Path) -> None:
    made = [tls_files(tmp_path / "tls", {"HALLPULSE_TLS": "on"}) for _ in range(2)]
    first = Path(made[0].cert).read_bytes()
    assert made[0] == made[1]
    (tmp_path / "tls" / "server.pem").write_bytes(authority(tmp_path / "old", timedelta(days=5)).certificate)
    assert tls_files(tmp_path / "tls", {"HALLPULSE_TLS": "on"}) == made[0]
    assert Path(made[0].cert).read_bytes() not in (first, (tmp_path / "old" / "server.pem").read_bytes())


def test_the_certificates_that_the_environment_names_are_used(tmp_path: Path) -> None:
    named = {"HALLPULSE_TLS_CA": "/ca.pem", "HALLPULSE_TLS_CERT": "/own.pem", "HALLPULSE_TLS_KEY": "/own.key"}
    assert tls_files(tmp_path / "tls", named) == TlsFiles("/ca.pem", "/own.pem", "/own.key")
    assert tls_files(tmp_path / "tls", {"HALLPULSE_TLS_CA": "/ca.pem"}) == NO_FILES
    assert not (tmp_path / "tls").exists()
    for wrong in (named | {"HALLPULSE_TLS_KEY": ""}, {"HALLPULSE_TLS": "yes"}):
        with pytest.raises(CannotRun, match=r"HALLPULSE_TLS.*: expected"):
            tls_files(tmp_path / "tls", wrong)


def test_the_brokers_definitions_hold_no_password() -> None:
    users = (User("operator", "open-sesame", tags="administrator"), User("gateway", "also-secret"))
    written = json.dumps(definitions(users))
    assert "open-sesame" not in written
    assert "also-secret" not in written
    assert '"tags": "administrator"' in written


def test_a_password_hash_has_rabbitmqs_form() -> None:
    salt = b"\x01\x02\x03\x04"
    decoded = base64.b64decode(password_hash("test12", salt))
    assert decoded == salt + hashlib.sha256(salt + b"test12").digest()


def test_prometheus_scrapes_every_service_each_second() -> None:
    jobs = [ScrapeJob("ingest", ["127.0.0.1:1"]), ScrapeJob("rabbitmq", ["127.0.0.1:2"])]
    written = prometheus_configuration(jobs, "http://127.0.0.1:3")
    parsed = yaml.safe_load(written)
    assert parsed["global"]["scrape_interval"] == "1s"
    assert [job["job_name"] for job in parsed["scrape_configs"]] == ["ingest", "rabbitmq", "rabbitmq-queues"]
    assert parsed["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["127.0.0.1:3"]}]


def test_alerts_reach_an_alertmanager_that_asks_for_a_password_and_lies_under_a_path() -> None:
    written = prometheus_configuration([], "https://me:pass%2Fword@alerts.example:9093/under/")
    assert yaml.safe_load(written)["alerting"]["alertmanagers"] == [
        {
            "scheme": "https",
            "path_prefix": "/under",
            "basic_auth": {"username": "me", "password": "pass/word"},
            "static_configs": [{"targets": ["alerts.example:9093"]}],
        }
    ]


def test_prometheus_shows_the_metrics_token_and_the_brokers_client_certificate() -> None:
    tls = TlsFiles("/ca.pem", "/client.pem", "/client.key")
    jobs = [ScrapeJob("ingest", ["127.0.0.1:1"], token="secret"), ScrapeJob("rabbitmq", ["127.0.0.1:2"], tls)]
    service, *broker = yaml.safe_load(prometheus_configuration(jobs, ""))["scrape_configs"]
    assert service["basic_auth"] == {"username": "metrics", "password": "secret"}
    assert [job["job_name"] for job in broker] == ["rabbitmq", "rabbitmq-queues"]
    for job in broker:
        shown = {"ca_file": "/ca.pem", "cert_file": "/client.pem", "key_file": "/client.key"}
        assert (job["scheme"], job["tls_config"]) == ("https", shown)


def test_prometheus_and_alertmanager_keep_a_hash_of_the_password_alone() -> None:
    written = yaml.safe_load(web_configuration("open-sesame"))
    assert "open-sesame" not in str(written)
    assert bcrypt.checkpw(b"open-sesame", written["basic_auth_users"]["hallpulse"].encode())


def test_a_brokers_guarded_metrics_answer_who_shows_a_certificate_alone() -> None:
    lines = configuration(_PORTS, guarded=True).splitlines()
    assert not [line for line in lines if line.startswith("prometheus.tcp")]
    assert {
        "prometheus.ssl.ip = 127.0.0.1", "prometheus.ssl.verify = verify_peer",
        "prometheus.ssl.fail_if_no_peer_cert = true",
    } <= set(lines)  # fmt: skip


def test_a_service_is_told_the_secrets_that_it_needs_and_no_file_of_another() -> None:
    given = {
        "HALLPULSE_MANAGEMENT_URL": "a", "HALLPULSE_GATEWAY_DATABASE_URL_FILE": "b", "HALLPULSE_READ_TOKEN": "c",
        "HALLPULSE_NOTICES_TOKEN": "d", "HALLPULSE_METRICS_TOKEN": "e", "HALLPULSE_PLANS": "plans",
        "HALLPULSE_ALERTMANAGER_URL": "f", "HALLPULSE_INGEST_METRICS_URL": "g",
    }  # fmt: skip
    known = {name: {*told(name, given)} - {"HALLPULSE_PLANS"} for name in ("gateway", "ingest", "notices")}
    assert known == {
        "gateway": {"HALLPULSE_READ_TOKEN", "HALLPULSE_INGEST_METRICS_URL"},
        "ingest": {"HALLPULSE_METRICS_TOKEN"},
        "notices": {
            "HALLPULSE_READ_TOKEN",
            "HALLPULSE_NOTICES_TOKEN",
            "HALLPULSE_METRICS_TOKEN",
            "HALLPULSE_ALERTMANAGER_URL",
        },
    }


def test_an_address_is_shown_without_its_password() -> None:
    assert with_login("http://127.0.0.1:9/a", "secret") == "http://hallpulse:secret@127.0.0.1:9/a"
    assert without_login("http://hallpulse:secret@127.0.0.1:9/a") == "http://127.0.0.1:9/a"


def test_the_plain_alertmanager_sends_nothing_anywhere() -> None:
    assert yaml.safe_load(alertmanager_configuration())["receivers"] == [{"name": "page"}]


def test_pauses_between_restarts_grow_to_five_minutes_and_never_end() -> None:
    restarts = Restarts()
    pauses = [restarts.pause_after(lived=1.0) for _ in range(5000)]
    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses == sorted(pauses)
    assert pauses[10] == pauses[-1] == 300.0


def test_a_part_is_said_to_fail_after_some_deaths_in_a_row_and_no_more_once_it_lived_well() -> None:
    restarts = Restarts()
    failing = []
    for _ in range(FAILING_AFTER):
        restarts.pause_after(lived=59.0)
        failing.append(restarts.is_failing)
    assert failing == [False] * (FAILING_AFTER - 1) + [True]
    assert restarts.pause_after(lived=61.0) == 0.5
    assert not restarts.is_failing
    assert restarts.total == FAILING_AFTER + 1


def test_ports_stay_the_same_from_one_start_to_the_next(tmp_path: Path) -> None:
    names = ("gateway", "broker")
    first = [ports.KeptPorts(tmp_path / "ports.json", names).take(name) for name in names]
    again = [ports.KeptPorts(tmp_path / "ports.json", names).take(name) for name in names]
    assert first == again
    assert len(set(first)) == 2


def test_a_new_part_finds_a_port_and_the_others_keep_theirs(tmp_path: Path) -> None:
    before = ports.KeptPorts(tmp_path / "ports.json", ("gateway",)).take("gateway")
    after = ports.KeptPorts(tmp_path / "ports.json", ("gateway", "reports"))
    assert after.take("gateway") == before
    assert after.take("reports") != before


def test_a_taken_port_is_named_with_the_file_that_holds_it(tmp_path: Path) -> None:
    kept = ports.KeptPorts(tmp_path / "ports.json", ("gateway",))
    with socket.create_server(("127.0.0.1", kept.take("gateway"))), pytest.raises(CannotRun) as refused:
        kept.take("gateway")
    assert "(gateway) is taken by another program" in str(refused.value)
    assert str(tmp_path / "ports.json") in str(refused.value)


@pytest.mark.parametrize("damaged", ["", "[]", '{"gateway": "x"}', "{"])
def test_a_damaged_port_file_is_named(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "ports.json").write_text(damaged)
    with pytest.raises(CannotRun, match=r"ports\.json: expected a JSON object of ports"):
        ports.KeptPorts(tmp_path / "ports.json", ("gateway",))


def test_keys_are_drawn_once_and_only_their_user_may_read_them(tmp_path: Path) -> None:
    drawn = keys.kept(tmp_path / "keys.json")
    assert keys.kept(tmp_path / "keys.json") == drawn
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert not drawn.previous_database
    secrets = {*asdict(drawn).values(), *map(drawn.of_service, DATABASE_SERVICES)} - {""}
    assert len(secrets) == 10 + len(DATABASE_SERVICES)


def test_damaged_keys_are_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    with pytest.raises(CannotRun, match="is damaged"):
        keys.kept(tmp_path / "keys.json")


def test_a_directory_with_other_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    with pytest.raises(CannotRun, match=r"holds other data \(database\)"):
        SuiteDirectory(tmp_path).prepare()


def test_purge_leaves_a_directory_alone_that_is_no_suites(tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    SuiteDirectory(tmp_path).purge()
    assert (tmp_path / "database").is_dir()


def test_purge_leaves_what_is_not_the_suites(tmp_path: Path) -> None:
    layout = SuiteDirectory(tmp_path)
    keys.kept(layout.keys)
    layout.database.mkdir()
    (tmp_path / "letter.txt").write_text("mine")
    layout.purge()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
