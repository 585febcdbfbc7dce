"""deploy/k8s as kustomize builds it: held against the API's and operators' schemas, and against what pods need."""

from __future__ import annotations

import json
import os
import subprocess
import time
from itertools import product
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import psycopg
import psycopg.conninfo
import pytest
import yaml
from jsonschema import Draft202012Validator

from services.local import programs
from tests.contract.manifests import KUBERNETES, OVERLAYS, ROOT, Manifest, built, definitions, needs_kubectl, pod, pods
from tests.contract.test_deployments import drawn
from tests.servers import PostgresServer

VERSION = "1.31"
OWN = ("gateway", "ingest", "catalogue", "targets", "reports", "notices")
BUILT_IN = ("v1", "apps/v1", "batch/v1", "policy/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1")
OPERATORS_SECRETS = {"database-owner", "database-backups", "gateway-tls", "broker-tls", "authority"}

pytestmark = needs_kubectl


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_takes_what_each_overlay_makes(overlay: str) -> None:
    for name, document in built(overlay).items():
        if document["apiVersion"] in BUILT_IN:
            kubernetes_validate.validate(document, VERSION, strict=True)
        assert document["metadata"].get("namespace", "hallpulse") == "hallpulse", name
        assert document["metadata"]["labels"]["app.kubernetes.io/part-of"] == "hallpulse", name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_run_without_rights_that_they_do_not_need(overlay: str) -> None:
    for name, document in built(overlay).items():
        for one in pods(document):
            assert one["securityContext"]["runAsNonRoot"] is True, name
            for container in one["containers"]:
                assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
                assert container["resources"]["limits"]["memory"], name
                own = container["image"].startswith("hallpulse:")
                assert container["securityContext"].get("readOnlyRootFilesystem", False) or not own, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_mount_is_made_somewhere(overlay: str, tmp_path: Path) -> None:
    made, secrets = built(overlay), set(drawn(tmp_path))
    for name, document in made.items():
        for one in pods(document):
            for volume in one.get("volumes", []):
                if "configMap" in volume and not volume["configMap"].get("optional"):
                    assert f"ConfigMap {volume['configMap']['name']}" in made, name
                if "persistentVolumeClaim" in volume:
                    assert f"PersistentVolumeClaim {volume['persistentVolumeClaim']['claimName']}" in made, name
                if (secret := volume.get("secret", {})).get("secretName") == "hallpulse":
                    assert {item["key"] for item in secret["items"]} <= secrets, name
                elif secret:
                    assert secret["secretName"] in OPERATORS_SECRETS, name


def test_rules_boards_and_settings_are_all_taken_from_where_they_are_rendered() -> None:
    for overlay in OVERLAYS:
        held = [text for d in built(overlay).values() if d["kind"] == "ConfigMap" for text in d["data"].values()]
        for path in (*ROOT.glob("plans/_gen/rules/*.yml"), *ROOT.glob("grafana/dashboards/*/*.json")):
            assert path.read_text() in held, (overlay, path.name)
        for name, document in built(overlay).items():
            if document["kind"] == "ConfigMap":
                assert sum(len(text.encode()) for text in document["data"].values()) < 1_000_000, name


def test_overlays_differ_in_what_runs_more_than_once() -> None:
    for overlay in OVERLAYS:
        made = built(overlay)
        replicas = {name: made[f"Deployment {name}"]["spec"].get("replicas") for name in OWN}
        assert replicas["gateway"] == {"county": 1, "prefecture": 3, "province": 4}[overlay]
        assert {replicas[name] for name in OWN[2:]} == {1}
        assert ("StatefulSet broker" in made) is (overlay == "county")
        assert ("RabbitmqCluster broker" in made) is (overlay != "county")
        # A budget of one pod keeps its node from being drained; of ingest KEDA says how many.
        budgets = {d["metadata"]["name"] for d in made.values() if d["kind"] == "PodDisruptionBudget"}
        assert budgets == (
            set() if overlay == "county" else {"gateway", "ingest", "broker", "alertmanager", "prometheus"}
        )
        assert replicas["ingest"] == (1 if overlay == "county" else None)
    assert built("province")["ScaledObject ingest"]["spec"]["minReplicaCount"] == 4


def test_what_is_spread_over_nodes_is_counted_by_its_own_pods() -> None:
    """The API server refuses matchLabelKeys without a labelSelector, which the schema does not say."""
    for name in ("gateway", "ingest"):
        constraints = pod(built("prefecture")[f"Deployment {name}"])["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in constraints} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        assert {one["labelSelector"]["matchLabels"]["app"] for one in constraints} == {name}


def test_the_operators_broker_is_configured_as_the_one_of_one_machine() -> None:
    broker = built("prefecture")["RabbitmqCluster broker"]["spec"]["rabbitmq"]
    assert set((ROOT / "deploy" / "rabbitmq.conf").read_text().splitlines()) <= set(
        broker["additionalConfig"].split("\n")
    )
    plugins = (ROOT / "deploy" / "enabled_plugins").read_text().strip().strip("[].").split(",")
    assert set(plugins) <= set(broker["additionalPlugins"])
    (variable,) = (
        one
        for one in pod(built("county")["StatefulSet broker"])["containers"][0]["env"]
        if one["name"] == "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"
    )
    assert f'"{variable["value"]}"' in broker["envConfig"]


def test_the_scaler_watches_each_partition() -> None:
    triggers = built("prefecture")["ScaledObject ingest"]["spec"]["triggers"]
    from hallpulse.broker.topology import queue_names  # noqa: PLC0415
    from hallpulse.settings import Settings  # noqa: PLC0415

    partitions = Settings("", "").partitions
    assert [one["metadata"]["queueName"] for one in triggers] == queue_names(partitions)
    assert built("prefecture")["ScaledObject ingest"]["spec"]["maxReplicaCount"] == partitions


def test_the_rules_are_printed_as_objects_of_the_operator() -> None:
    said = subprocess.run([KUBERNETES / "rules.sh"], capture_output=True, text=True, check=True).stdout
    made = list(yaml.load_all(said, yaml.CSafeLoader))
    files = sorted((ROOT / "plans" / "_gen" / "rules").glob("*.yml"))
    assert [one["spec"] for one in made] == [yaml.load(path.read_text(), yaml.CSafeLoader) for path in files]
    selector = built("prefecture")["Prometheus hallpulse"]["spec"]["ruleSelector"]["matchLabels"]
    assert all(one["metadata"]["labels"] == selector for one in made)


# Who reaches whom in a county: by app and port.
SERVERS = {("database", 5432), ("broker", 5672)}
REACHED = {
    *product((*OWN, "prepare"), SERVERS),
    *product(("prometheus",), {("broker", 15692), ("gateway", 8080), ("ingest", 8081), ("notices", 8084)}),
    ("gateway", ("ingest", 8081)),
    ("backup", ("database", 5432)),
    ("prepare", ("broker", 15672)),
    ("prometheus", ("alertmanager", 9093)),
    ("alertmanager", ("notices", 8084)),
    ("notices", ("alertmanager", 9093)),
    ("grafana", ("prometheus", 9090)),
}
NOT_REACHED = {
    ("grafana", ("database", 5432)),
    ("backup", ("broker", 5672)),
    ("catalogue", ("targets", 8083)),
    ("targets", ("broker", 15672)),
    ("alertmanager", ("database", 5432)),
    ("prometheus", ("database", 5432)),
    ("notices", ("gateway", 9090)),
}


def test_every_way_that_is_needed_is_open_and_no_other() -> None:
    policies = [d["spec"] for d in built("county").values() if d["kind"] == "NetworkPolicy"]
    assert all("podSelector" in one and one["policyTypes"] for one in policies)
    for source, (target, port) in REACHED:
        assert allowed(policies, source, target, port), (source, target, port)
    for source, (target, port) in NOT_REACHED:
        assert not allowed(policies, source, target, port), (source, target, port)
    outside = {app for app in (*OWN, "database", "broker", "grafana", "prometheus") if _open_to_all(policies, app)}
    assert outside == {"gateway", "broker", "grafana"}


def allowed(policies: list[Manifest], source: str, target: str, port: int) -> bool:
    """Whether the policies let a pod reach another's port: both sides must agree."""
    out = [rule for p in policies if chosen(p["podSelector"], source) for rule in p.get("egress", [])]
    into = [rule for p in policies if chosen(p["podSelector"], target) for rule in p.get("ingress", [])]
    return any(_lets(rule, "to", target, port) for rule in out) and any(_lets(r, "from", source, port) for r in into)


def _lets(rule: Manifest, side: str, app: str, port: int) -> bool:
    peers = [one["podSelector"] for one in rule.get(side, []) if "podSelector" in one]
    return any(one["port"] == port for one in rule["ports"]) and (
        side not in rule or any(chosen(one, app) for one in peers)
    )


def chosen(selector: Manifest, app: str) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert {one["operator"] for one in expressions} <= {"In"}
    return selector.get("matchLabels", {}).get("app", app) == app and all(app in one["values"] for one in expressions)


def _open_to_all(policies: list[Manifest], app: str) -> bool:
    rules = [r for p in policies if chosen(p["podSelector"], app) for r in p.get("ingress", [])]
    return any("from" not in rule for rule in rules)


def test_the_nights_copy_can_be_read_back(postgres: PostgresServer, tmp_path: Path) -> None:
    with postgres.fresh_database() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        parts = psycopg.conninfo.conninfo_to_dict(url)
        (tmp_path / "password").write_text(str(parts["password"]))
        old = tmp_path / "hallpulse-20200101T000000Z.dump"
        old.write_text("of long ago")
        os.utime(old, (time.time() - 40 * 86_400,) * 2)
        environment = {
            "PATH": f"{programs.postgres_programs()}:{os.environ['PATH']}",
            "PGHOST": str(parts["host"]),
            "PGPORT": str(parts["port"]),
            "PGUSER": str(parts["user"]),
            "PGDATABASE": str(parts["dbname"]),
            "PGPASSWORD_FILE": str(tmp_path / "password"),
            "BACKUPS": str(tmp_path),
            "KEEP": "14",
        }
        container = pod(built("county")["CronJob backup"])["containers"][0]
        assert {one["name"] for one in container["env"]} == set(environment) - {"PATH", "PGPORT"}
        script = KUBERNETES / "components" / "servers" / Path(container["command"][1]).name
        subprocess.run(["sh", script], env=environment, check=True, capture_output=True)
        (copy,) = tmp_path.glob("*.dump*")
        assert copy.stat().st_mode & 0o077 == 0
        connection.execute("DROP TABLE kept")
        restore = ["pg_restore", "--dbname", url, copy]
        subprocess.run(restore, env=environment, check=True, capture_output=True)
        assert connection.execute("SELECT sum(number) FROM kept").fetchone() == (500_500,)
        failed = subprocess.run(
            ["sh", script], env=environment | {"PGDATABASE": "none"}, check=False, capture_output=True
        )
        assert failed.returncode != 0
        assert [path for path in tmp_path.glob("*.dump")] == [copy]


# --- the operators' own schemas ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="kinds")
def defined() -> dict[tuple[str, str], dict[str, Any]]:
    """The schemas by API version and kind, from the operators' sources."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in definitions():
        definition = yaml.load(path.read_text(), _Definitions)["spec"]
        for version in definition["versions"]:
            key = (f"{definition['group']}/{version['name']}", definition["names"]["kind"])
            found[key] = version["schema"]["openAPIV3Schema"]
    return found


class _Definitions(yaml.CSafeLoader):
    """Reads a plain `=`, which YAML 1.1 gives a meaning that Go's parser does not know, as that text."""


_Definitions.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "county"])
def test_the_operators_take_what_is_theirs(kinds: dict[tuple[str, str], dict[str, Any]], overlay: str) -> None:
    said = subprocess.run([KUBERNETES / "rules.sh"], capture_output=True, text=True, check=True).stdout
    own = [*built(overlay).values(), *yaml.load_all(said, yaml.CSafeLoader)]
    theirs = [one for one in own if one["apiVersion"] not in BUILT_IN]
    assert {"Cluster", "ScheduledBackup", "RabbitmqCluster", "ScaledObject", "ServiceMonitor", "PrometheusRule"} <= {
        one["kind"] for one in theirs
    }
    for one in theirs:
        faults = list(Draft202012Validator(strict(kinds[one["apiVersion"], one["kind"]])).iter_errors(one))
        assert not faults, (one["kind"], one["metadata"]["name"], faults[0].json_path, faults[0].message)


def test_a_field_that_an_operator_does_not_know_is_found(kinds: dict[tuple[str, str], dict[str, Any]]) -> None:
    cluster = json.loads(json.dumps(built("prefecture")["Cluster database"]))
    cluster["spec"]["instancse"] = cluster["spec"].pop("instances")
    schema = strict(kinds[cluster["apiVersion"], cluster["kind"]])
    assert {fault.validator for fault in Draft202012Validator(schema).iter_errors(cluster)} >= {"additionalProperties"}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A definition's schema as a JSON Schema that refuses fields that it does not name."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            made[inner] = strict(schema[inner])
    return made
