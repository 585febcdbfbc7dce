"""The deployments' files, held against their schemas and against each other: no container can be started here."""

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

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from compose_spec import PyCompose

from hallpulse.settings import DATABASE_SERVICES, SettingsError, settings_from
from services.console.logins import write_login

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "k8s" / "base"
KUBERNETES = "1.31"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SCRAPED = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]


COPIES = ("prometheus_own_", "prometheus_metrics_", "prometheus_alertmanager_", "alertmanager_notices_", "grafana_prom")
"""The same secret again, for a container that runs as another user."""


SERVICE = BASE.parent / "components" / "service"
OVERLAYS = sorted(path.name for path in (BASE.parent / "overlays").iterdir())


def documents() -> Iterator[dict[str, Any]]:
    """The base's manifests, with what the component adds to each service."""
    patches = yaml.safe_load((SERVICE / "kustomization.yaml").read_text())["patches"]
    for path in sorted(BASE.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            for document in yaml.safe_load_all(path.read_text()):
                for patch in patches:
                    target = patch["target"]
                    names = document["kind"], document["metadata"]["name"]
                    if target["kind"] == names[0] and re.fullmatch(target["name"], names[1]):
                        _add_all(document, yaml.safe_load((SERVICE / patch["path"]).read_text()))
                yield document


def _add_all(document: Any, operations: list[dict[str, Any]]) -> None:
    """JSON Patch (RFC 6902), of which the component uses `add` alone."""
    for operation in operations:
        assert operation["op"] == "add"
        place: Any = document
        *parents, last = operation["path"].strip("/").split("/")
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            assert last == "-"
            place.append(operation["value"])
        else:
            place[last] = operation["value"]


def built(folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of a folder."""
    command = ["kubectl", "kustomize", folder, "--load-restrictor", "LoadRestrictionsNone"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


def pods(document: dict[str, Any]) -> list[dict[str, Any]]:
    template = document.get("spec", {}).get("template", {})
    return [template["spec"]] if "spec" in template else []


DOCUMENTS = {f"{d['kind']} {d['metadata']['name']}": d for d in documents()}


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
    assert len(set(first.values())) == len(first) - len(copies)
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/secrets/read_token"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


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
    for document in DOCUMENTS.values():
        for pod in pods(document):
            items = [item for v in pod.get("volumes", []) for item in v.get("secret", {}).get("items", [])]
            yield document["metadata"]["name"], {item["key"] for item in items}


@pytest.mark.attack
def test_a_container_is_given_no_administrators_login_and_no_other_services() -> None:
    for name, given in secrets_of():
        if name == "prepare":
            continue
        assert not given & {"database_url", "management_url"}, name
        assert {one for one in given if one.endswith("database_url")} <= {f"{name}_database_url"}, name
        assert (name in DATABASE_SERVICES) is (f"{name}_database_url" in given), name
        assert ("amqp_url" in given) <= (name != "gateway"), name


def environment_of(name: str) -> dict[str, str]:
    """A service's variables, as both deployments set them."""
    composed = dict(COMPOSE["services"][name]["environment"])
    (container,) = pods(DOCUMENTS[f"Deployment {name}"])[0]["containers"]
    mounted = {one["name"]: str(one["value"]).replace("/secrets/hallpulse/", "/secrets/") for one in container["env"]}
    assert composed == mounted
    return composed


def test_notices_knows_alertmanager_and_the_gateway_knows_ingest() -> None:
    assert environment_of("notices")["HALLPULSE_ALERTMANAGER_URL_FILE"] == "/run/secrets/alertmanager_url"
    port = COMPOSE["services"]["ingest"]["environment"]["HALLPULSE_METRICS_PORT"]
    assert environment_of("gateway")["HALLPULSE_INGEST_METRICS_URL"] == f"http://ingest:{port}/metrics"
    given = dict(secrets_of())
    assert "alertmanager_url" in given["notices"]
    assert "metrics_token" in given["gateway"]


@pytest.mark.attack
def test_prometheus_and_alertmanager_let_in_who_signs_in_alone() -> None:
    for name in ("prometheus", "alertmanager"):
        assert f"--web.config.file=/login/{name}.yml" in COMPOSE["services"][name]["command"]
        (container,) = pods(DOCUMENTS[f"StatefulSet {name}"])[0]["containers"]
        assert f"--web.config.file=/login/{name}.yml" in container["args"]
    for one in (COMPOSE["services"]["prometheus"]["command"], container_args("prometheus")):
        assert [argument for argument in one if argument.startswith("--web.cors.origin=http://prometheus")]
    open_jobs = {job["job_name"] for job in SCRAPED if "basic_auth" not in job}
    assert open_jobs == {"gateway", "rabbitmq", "rabbitmq-queues"}


def container_args(name: str) -> list[str]:
    args: list[str] = pods(DOCUMENTS[f"StatefulSet {name}"])[0]["containers"][0]["args"]
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
    for path in (ROOT / "docker-compose.yml", ROOT / "Dockerfile", *BASE.glob("*.yaml")):
        assert not re.search(r"(?i)(password|token|secret)\w*[\"']?\s*[:=]\s*[\"']?[0-9a-f]{16,}", path.read_text()), (
            path
        )


def test_every_command_is_a_module_that_is_there() -> None:
    commands = [service.get("command", []) for service in COMPOSE["services"].values()]
    commands += [
        container.get("command", []) for d in DOCUMENTS.values() for p in pods(d) for container in p["containers"]
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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_manifest_is_what_kubernetes_takes(name: str) -> None:
    kubernetes_validate.validate(DOCUMENTS[name], KUBERNETES, strict=True)


def test_the_kustomization_lists_every_file_and_takes_what_is_rendered() -> None:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    own = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == own
    taken = [file.split("=")[-1] for made in kustomization["configMapGenerator"] for file in made["files"]]
    for file in taken:
        assert (BASE / file).resolve().is_file(), file
    names = {(BASE / file).resolve() for file in taken}
    assert set((ROOT / "plans" / "_gen" / "rules").glob("*.yml")) <= names
    assert set((ROOT / "grafana" / "dashboards").glob("*/*.json")) <= names


def test_what_pods_mount_is_made_somewhere(tmp_path: Path) -> None:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    maps, secrets = {made["name"] for made in kustomization["configMapGenerator"]}, set(drawn(tmp_path))
    for document in DOCUMENTS.values():
        for pod in pods(document):
            for volume in pod.get("volumes", []):
                if "configMap" in volume:
                    assert volume["configMap"]["name"] in maps
                if "secret" in volume:
                    assert {item["key"] for item in volume["secret"]["items"]} <= secrets


def test_pods_run_without_rights_that_they_do_not_need() -> None:
    for name, document in DOCUMENTS.items():
        for pod in pods(document):
            assert pod["securityContext"]["runAsNonRoot"] is True, name
            for container in pod["containers"]:
                assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
                assert container["resources"]["limits"]["memory"], name


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_the_base_and_kubernetes_takes_the_result() -> None:
    made = built(BASE)
    for document in made:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        name = f"{document['kind']} {document['metadata']['name']}"
        if name in DOCUMENTS and pods(document):  # as these tests see it, but for the images and the names of maps
            ours, theirs = (pod["containers"][0] for one in (DOCUMENTS[name], document) for pod in pods(one))
            assert ours["securityContext"] == theirs["securityContext"]
            assert ours.get("livenessProbe") == theirs.get("livenessProbe")
            assert ours["volumeMounts"] == theirs["volumeMounts"]
    sizes = {d["metadata"]["name"]: sum(map(len, d["data"].values())) for d in made if d["kind"] == "ConfigMap"}
    assert max(sizes.values()) < 1_000_000, sizes


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_overlay_is_built_and_kubernetes_takes_the_result(overlay: str) -> None:
    made = {(d["kind"], d["metadata"]["name"]): d for d in built(BASE.parent / "overlays" / overlay)}
    for document in made.values():
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        for pod in pods(document):
            assert pod["securityContext"]["runAsNonRoot"] is True
    replicas = {name: d["spec"]["replicas"] for (kind, name), d in made.items() if kind == "Deployment"}
    for budget in (name for kind, name in made if kind == "PodDisruptionBudget"):
        assert replicas[budget] > 1, "a budget of one pod keeps its node from being drained"
    has_own_servers = ("StatefulSet", "broker") in made
    assert has_own_servers is (overlay == "county")
    assert replicas["gateway"] == {"county": 1, "prefecture": 3, "province": 4}[overlay]
    for single in ("targets", "notices", "reports"):
        assert replicas[single] == 1


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_deployments_prometheus() -> None:
    path = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_image_copies_what_is_there_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    for line in lines:
        match = re.match(r"COPY (?!--from)(.+) \S+$", line)
        for source in match[1].split() if match else ():
            assert list(ROOT.glob(source)) or source.endswith("*"), line
    assert "USER 10001:10001" in lines


def test_images_are_pinned_to_one_version_everywhere() -> None:
    texts = [
        path.read_text() for path in (ROOT / "docker-compose.yml", ROOT / "Dockerfile", *sorted(BASE.glob("*.yaml")))
    ]
    foreign: dict[str, set[str]] = {}
    for found in re.findall(r"^(?:FROM|\s*image:) (\S+)", "\n".join(texts), re.MULTILINE):
        name, _, version = found.partition("@")[0].partition(":")
        if name != "hallpulse":
            foreign.setdefault(name, set()).add(version)
            numbers = 2 if name == "postgres" else 3
            assert re.match(rf"v?\d+(\.\d+){{{numbers - 1}}}(-|$)", version), found
    assert len(foreign) >= 6
    assert {name: versions for name, versions in foreign.items() if len(versions) > 1} == {}
