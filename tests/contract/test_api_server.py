"""deploy/k8s against a real API server, with the operators' definitions and nothing behind it: no controller, no node.

HALLPULSE_API_SERVER names the directory of kube-apiserver and etcd (`make api-server-test` builds them).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.local import ports
from services.local.process_groups import Command
from tests.contract.manifests import KUBERNETES, OVERLAYS, built, definitions, needs_kubectl
from tests.contract.test_deployments import drawn
from tests.servers import running, scratch

HOME = os.environ.get("HALLPULSE_API_SERVER", "")
APPLY = ("apply", "--server-side", "--filename")
TRY = ("--dry-run=server", "--validate=strict")
SERVICES = {"gateway", "ingest", "catalogue", "targets", "reports", "notices"}
PATIENCE_SECONDS = 60.0
ENDED = ({"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"})
MOMENT = "2026-01-01T00:00:00Z"

pytestmark = [
    pytest.mark.skipif(not HOME, reason="HALLPULSE_API_SERVER names no API server: make api-server-test"),
    needs_kubectl,
]


@dataclass(frozen=True)
class ApiServer:
    environment: dict[str, str]

    def kubectl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *arguments], env=self.environment, input=given, capture_output=True, text=True, check=False
        )

    def done(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl says, if it succeeds."""
        done = self.kubectl(*arguments, given=given)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def names(self, kind: str) -> set[str]:
        found = json.loads(self.done("--namespace=hallpulse", "get", kind, "--output=json"))["items"]
        return {one["metadata"]["name"] for one in found}


@pytest.fixture(scope="module", name="server")
def served() -> Iterator[ApiServer]:
    """An API server that knows the operators' kinds and the namespace."""
    with scratch("api-server") as directory:
        chosen = ports.choose(["etcd", "peers", "api"])
        (directory / "kubeconfig").write_text(_client(chosen["api"]))
        server = ApiServer({**os.environ, "KUBECONFIG": str(directory / "kubeconfig")})
        with (
            running(_etcd(directory, chosen), lambda _: not ports.is_free(chosen["etcd"]), signal.SIGTERM),
            running(_api(directory, chosen), lambda _: _is_ready(server), signal.SIGTERM),
        ):
            for path in definitions():
                server.done(*APPLY, str(path))
            server.done("create", "namespace", "hallpulse")
            yield server


def _is_ready(server: ApiServer) -> bool:
    return server.kubectl("get", "--raw", "/readyz").returncode == 0


def _etcd(directory: Path, chosen: dict[str, int]) -> Command:
    clients, peers = (f"http://127.0.0.1:{chosen[name]}" for name in ("etcd", "peers"))
    argv = [
        *(f"{HOME}/etcd", "--data-dir", "etcd", "--listen-client-urls", clients, "--advertise-client-urls", clients),
        *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"),
    ]
    return Command(tuple(argv), dict(os.environ), directory, directory / "etcd.log")


def _api(directory: Path, chosen: dict[str, int]) -> Command:
    key = directory / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key], check=True, capture_output=True)
    (directory / "tokens.csv").write_text("token,admin,admin,system:masters\n")
    argv = [
        *(f"{HOME}/kube-apiserver", f"--etcd-servers=http://127.0.0.1:{chosen['etcd']}", "--cert-dir=certificates"),
        *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={chosen['api']}"),
        *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
        *("--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16"),
        *("--token-auth-file=tokens.csv", "--authorization-mode=RBAC", "--endpoint-reconciler-type=none"),
    ]
    return Command(tuple(argv), dict(os.environ), directory, directory / "api.log")


def _client(port: int) -> str:
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": "token"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "current-context": "here",
        }
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_takes_each_overlay_whole(server: ApiServer, overlay: str) -> None:
    made = built(overlay).values()
    said = server.done(*APPLY, "-", *TRY, given=yaml.safe_dump_all(made))
    assert said.count("serverside-applied") == len(made)


def test_the_api_server_takes_the_rules(server: ApiServer) -> None:
    rules = subprocess.run([KUBERNETES / "rules.sh"], capture_output=True, text=True, check=True).stdout
    assert server.done(*APPLY, "-", *TRY, given=rules).count("prometheusrule") >= 3


def test_a_fault_is_refused(server: ApiServer) -> None:
    spread: Any = json.loads(json.dumps(built("prefecture")["Deployment gateway"]))
    del spread["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]
    refused = server.kubectl(*APPLY, "-", *TRY, given=yaml.safe_dump(spread))
    assert "must not be specified when labelSelector is not set" in refused.stderr


@pytest.mark.parametrize("overlay", ["county", "prefecture"])
def test_services_are_rolled_out_when_prepare_has_ended(server: ApiServer, overlay: str, tmp_path: Path) -> None:
    drawn(tmp_path)
    secret = ("secret", "generic", "hallpulse", f"--from-file={tmp_path / 'secrets'}")
    server.done("--namespace=hallpulse", "delete", "deployment,job", "--all")  # of an earlier round
    server.kubectl("--namespace=hallpulse", "create", *secret)
    environment = {**server.environment, "PATIENCE": f"{PATIENCE_SECONDS:.0f}s"}
    command = [KUBERNETES / "roll-out.sh", KUBERNETES / "overlays" / overlay]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as rolling:
        try:
            _wait(lambda: "prepare" in server.names("job"))
            time.sleep(2.0)  # as long as it would take the services to be there
            assert not server.names("deployment")
            _end_prepare(server)
            _wait(lambda: server.names("deployment") == SERVICES)
        finally:
            os.killpg(rolling.pid, signal.SIGTERM)


def _wait(holds: Any) -> None:
    last = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.3)


def _end_prepare(server: ApiServer) -> None:
    """What the Job's controller does when its pod has ended well."""
    moments = {"lastTransitionTime": MOMENT, "lastProbeTime": MOMENT}
    status = {
        "startTime": MOMENT,
        "completionTime": MOMENT,
        "succeeded": 1,
        "uncountedTerminatedPods": {},
        "conditions": [{**one, **moments} for one in ENDED],
    }
    patch = ("--subresource=status", "--type=merge", "--patch", json.dumps({"status": status}))
    server.done("--namespace=hallpulse", "patch", "job", "prepare", *patch)
