"""The deployments' files, held against their schemas and against each other."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from hallpulse.settings import DATABASE_SERVICES, SettingsError, settings_from
from services.console.logins import write_login
from tests.contract.manifests import KUBERNETES, ROOT, county, needs_kubectl, pod, pods

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SCRAPED = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]


COPIES = ("prometheus_own_", "prometheus_metrics_", "prometheus_alertmanager_", "alertmanager_notices_", "grafana_prom")
"""The same secret again, for a container that runs as another user."""


def drawn(folder: Path) -> dict[str, str]:
    """All that deploy/secrets.sh draws into a folder."""
    shutil.copy(ROOT / "deploy" / "secrets.sh", folder)
    subprocess.run(["sh", folder / "secrets.sh"], check=True, capture_output=True, timeout=30)
    return {path.name: path.read_text() for path in (folder / "secrets").iterdir()}


def test_the_compose_file_is_one() -> None:
    # The parser wants merged keys (<<) merged.
    parsed = PyCompose.from_yaml(yaml.safe_dump(COMPOSE))
    parsed.validate()
    assert {"database", "broker", "ingest", "gateway", "targets", "notices", "grafana"} <= set(parsed.service_names())


def test_what_compose_mounts_is_there_and_what_services_use_is_declared(tmp_path: Path) -> None:
    secrets = drawn(tmp_path)
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} <= set(secrets)
    for config in COMPOSE["configs"].values():
        assert (ROOT / config["file"]).is_file()
    for service in COMPOSE["services"].values():
        for name in service.get("secrets", []):
            assert (name if isinstance(name, str) else name["source"]) in COMPOSE["secrets"]
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], mount


def test_secrets_are_drawn_once_and_never_committed(tmp_path: Path) -> None:
    first = drawn(tmp_path)
    assert drawn(tmp_path) == first
    copies = [name for name in first if name.startswith(COPIES)]
    assert len(copies) == 5
    empty = {name for name, content in first.items() if not content}
    assert empty == {"previous_database_url", "previous_management_url"}
    assert len(set(first.values()) - {""}) == len(first) - len(copies) - len(empty)
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/secrets/read_token"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def turned(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`secrets.sh ARGUMENTS` in a folder where secrets were drawn."""
    argv = ["sh", str(folder / "secrets.sh"), *arguments]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)


def test_a_rotation_changes_every_secret_in_all_places_and_keeps_what_an_operator_wrote(tmp_path: Path) -> None:
    drawn(tmp_path)
    url = tmp_path / "secrets" / "ingest_database_url"
    url.write_text(url.read_text().replace("@database:5432", "@pg.example:6432") + "?sslmode=verify-full")
    before = drawn(tmp_path)
    assert turned(tmp_path, "rotate").returncode == 0
    after = drawn(tmp_path)
    assert {name for name in before if before[name] == after[name]} == {"channels", "grafana_password"}
    assert after["previous_database_url"] == before["database_url"]
    assert after["previous_management_url"] == before["management_url"]
    assert after["ingest_database_url"].endswith("@pg.example:6432/hallpulse?sslmode=verify-full")
    for name in ("amqp_url", "management_url", "broker_conf"):
        assert after["broker_password"] in after[name], name
    assert after["database_password"] in after["database_url"]
    assert turned(tmp_path, "done").returncode == 0
    assert drawn(tmp_path) == after | {"previous_database_url": "", "previous_management_url": ""}


def test_a_rotation_may_name_what_it_changes(tmp_path: Path) -> None:
    before = drawn(tmp_path)
    assert turned(tmp_path, "rotate", "read_token").returncode == 0
    after = drawn(tmp_path)
    previous = {"previous_database_url", "previous_management_url"}
    assert {name for name in before if before[name] != after[name]} == {"read_token", *previous}


@pytest.mark.parametrize(("said", "status"), [(("rotate", "everything"), 2), (("turn",), 2)])
def test_an_unknown_word_changes_no_secret(tmp_path: Path, said: tuple[str, ...], status: int) -> None:
    before = drawn(tmp_path)
    done = turned(tmp_path, *said)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert drawn(tmp_path) == before


def test_no_rotation_begins_before_the_last_one_is_done_and_own_passwords_are_left_alone(tmp_path: Path) -> None:
    drawn(tmp_path)
    assert turned(tmp_path, "rotate", "gateway").returncode == 0
    before = drawn(tmp_path)
    refused = turned(tmp_path, "rotate")
    assert refused.returncode == 1
    assert "the last rotation is not done" in refused.stderr
    assert drawn(tmp_path) == before
    turned(tmp_path, "done")
    (tmp_path / "secrets" / "read_token").write_text("ours/with a space")
    refused = turned(tmp_path, "rotate", "read_token")
    assert (refused.returncode, "change it by hand" in refused.stderr) == (1, True)
    assert drawn(tmp_path)["read_token"] == "ours/with a space"


@pytest.mark.attack
def test_the_drawn_secrets_are_read_by_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o755)
    (tmp_path / "secrets" / "read_token").write_text("of an earlier version")
    (tmp_path / "secrets" / "read_token").chmod(0o444)
    drawn(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    for path in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


READERS = {"database": 999, "broker": 999, "prometheus": 65534, "alertmanager": 65534, "grafana": 472}
"""As whom the images run; the suite's own, as the Dockerfile says, as 10001."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_each_secret_belongs_to_the_user_whose_container_reads_it(tmp_path: Path) -> None:
    drawn(tmp_path)
    for name, service in COMPOSE["services"].items():
        for secret in service.get("secrets", []):
            source = secret if isinstance(secret, str) else secret["source"]
            file = tmp_path / "secrets" / Path(COMPOSE["secrets"][source]["file"]).name
            assert file.stat().st_uid == READERS.get(name, 10_001), (name, source)


def test_a_secret_that_is_copied_for_another_reader_is_the_same(tmp_path: Path) -> None:
    secrets = drawn(tmp_path)
    for name, service in COMPOSE["services"].items():
        for secret in service.get("secrets", []):
            if isinstance(secret, dict) and secret["source"].startswith(COPIES):
                assert secrets[secret["source"]] == secrets[secret["target"]], name


def test_the_drawn_secrets_are_settings_that_services_take(tmp_path: Path) -> None:
    drawn(tmp_path)
    names = (
        "amqp_url", "database_url", "management_url", "gateway_amqp_url", "read_token", "notices_token",
        "metrics_token", "alertmanager_url", *(f"{service}_database_url" for service in DATABASE_SERVICES),
    )  # fmt: skip
    files = {f"HALLPULSE_{name.upper()}_FILE": str(tmp_path / "secrets" / name) for name in names}
    settings = settings_from(files)
    assert settings.amqp_url.startswith("amqp://hallpulse:")
    assert settings.gateway_amqp_url.startswith("amqp://gateway:")
    password = (tmp_path / "secrets" / "alertmanager_password").read_text()
    assert settings.alertmanager_url == f"http://hallpulse:{password}@alertmanager:9093"
    assert list(settings.service_database_urls) == list(DATABASE_SERVICES)
    for service, url in settings.service_database_urls.items():
        assert url.startswith(f"postgresql://{service}:")


def secrets_of() -> Iterator[tuple[str, set[str]]]:
    """Each container with the secrets that it is given, in both deployments."""
    for name, service in COMPOSE["services"].items():
        yield name, {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
    for document in county().values():
        for one in pods(document):
            items = [item for v in one.get("volumes", []) for item in v.get("secret", {}).get("items", [])]
            yield document["metadata"]["name"], {item["key"] for item in items}


@pytest.mark.attack
def test_a_container_is_given_no_administrators_login_and_no_other_services() -> None:
    for name, given in secrets_of():
        if name == "prepare":
            continue
        previous = {"previous_database_url", "previous_management_url"}
        assert not given & {"database_url", "management_url", *previous}, name
        assert {one for one in given if one.endswith("database_url")} <= {f"{name}_database_url"}, name
        assert (name in DATABASE_SERVICES) is (f"{name}_database_url" in given), name
        assert ("amqp_url" in given) <= (name != "gateway"), name


def environment_of(name: str) -> dict[str, str]:
    """A service's variables, as both deployments set them."""
    composed = dict(COMPOSE["services"][name]["environment"])
    (container,) = pod(county()[f"Deployment {name}"])["containers"]
    mounted = {one["name"]: str(one["value"]).replace("/secrets/hallpulse/", "/secrets/") for one in container["env"]}
    assert composed == mounted
    return composed


@needs_kubectl
def test_notices_knows_alertmanager_and_the_gateway_knows_ingest() -> None:
    assert environment_of("notices")["HALLPULSE_ALERTMANAGER_URL_FILE"] == "/run/secrets/alertmanager_url"
    port = COMPOSE["services"]["ingest"]["environment"]["HALLPULSE_METRICS_PORT"]
    assert environment_of("gateway")["HALLPULSE_INGEST_METRICS_URL"] == f"http://ingest:{port}/metrics"
    given = dict(secrets_of())
    assert "alertmanager_url" in given["notices"]
    assert "metrics_token" in given["gateway"]


@needs_kubectl
@pytest.mark.attack
def test_prometheus_and_alertmanager_let_in_who_signs_in_alone() -> None:
    for name in ("prometheus", "alertmanager"):
        assert f"--web.config.file=/login/{name}.yml" in COMPOSE["services"][name]["command"]
        (container,) = pod(county()[f"StatefulSet {name}"])["containers"]
        assert f"--web.config.file=/login/{name}.yml" in container["args"]
    for one in (COMPOSE["services"]["prometheus"]["command"], container_args("prometheus")):
        assert [argument for argument in one if argument.startswith("--web.cors.origin=http://prometheus")]
    open_jobs = {job["job_name"] for job in SCRAPED if "basic_auth" not in job}
    assert open_jobs == {"gateway", "rabbitmq", "rabbitmq-queues"}


def container_args(name: str) -> list[str]:
    args: list[str] = pod(county()[f"StatefulSet {name}"])["containers"][0]["args"]
    return args


def test_a_login_is_written_as_a_hash_that_its_server_reads(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    environment = {"HALLPULSE_PROMETHEUS_PASSWORD_FILE": str(tmp_path / "password")}
    write_login(tmp_path, "prometheus", environment)
    written = (tmp_path / "prometheus.yml").read_text()
    assert "secret" not in written
    assert stat.S_IMODE((tmp_path / "prometheus.yml").stat().st_mode) == 0o644
    with pytest.raises(SettingsError, match="HALLPULSE_ALERTMANAGER_PASSWORD"):
        write_login(tmp_path, "alertmanager", environment)


def test_no_secret_stands_in_a_deployments_file() -> None:
    for path in (ROOT / "docker-compose.yml", ROOT / "Dockerfile", *KUBERNETES.rglob("*.yaml")):
        assert not re.search(r"(?i)(password|token|secret)\w*[\"']?\s*[:=]\s*[\"']?[0-9a-f]{16,}", path.read_text()), (
            path
        )


def test_every_command_is_a_module_that_is_there() -> None:
    commands = [service.get("command", []) for service in COMPOSE["services"].values()]
    commands += [
        container.get("command", []) for d in county().values() for p in pods(d) for container in p["containers"]
    ]
    modules = {command[2] for command in commands if command[:2] == ["python", "-m"]}
    assert {"services.ingest", "services.gateway", "services.console.prepare"} <= modules
    for module in modules:
        assert find_spec(module) is not None, module


def test_prometheus_scrapes_the_ports_on_which_services_listen() -> None:
    ports = {
        name: str(value)
        for name, service in COMPOSE["services"].items()
        for key, value in (service.get("environment") or {}).items()
        if key in ("HALLPULSE_METRICS_PORT", "HALLPULSE_GATEWAY_PORT")
    }
    scraped = dict(
        target.split(":") for job in SCRAPED for config in job.get("static_configs", []) for target in config["targets"]
    )
    scraped |= {c["names"][0]: str(c["port"]) for job in SCRAPED for c in job.get("dns_sd_configs", [])}
    assert ports == {name: port for name, port in scraped.items() if name in ports}
    routes = (ROOT / "plans" / "_gen" / "alertmanager.yml").read_text()
    assert f"http://notices:{ports['notices']}/v1/alerts" in routes


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_deployments_prometheus() -> None:
    path = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
