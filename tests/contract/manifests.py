"""What kustomize makes of deploy/k8s."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "k8s"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
Manifest = dict[str, Any]

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@cache
def built(overlay: str) -> dict[str, Manifest]:
    """An overlay's objects by kind and name, `Deployment gateway`."""
    folder = KUBERNETES / "overlays" / overlay
    command = ["kubectl", "kustomize", folder, "--load-restrictor", "LoadRestrictionsNone"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    made = {f"{one['kind']} {one['metadata']['name']}": one for one in yaml.load_all(done.stdout, yaml.CSafeLoader)}
    assert made
    return made


def county() -> dict[str, Manifest]:
    """The overlay that has all servers itself; nothing where kubectl is missing."""
    return built("county") if shutil.which("kubectl") else {}


def pods(manifest: Manifest) -> Iterator[Manifest]:
    """The specifications of the pods that an object makes: one or none."""
    spec = manifest.get("spec", {})
    template = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
    if "spec" in template:
        yield template["spec"]


def pod(manifest: Manifest) -> Manifest:
    (only,) = pods(manifest)
    return only


MODULES = {
    "github.com/cloudnative-pg/cloudnative-pg@v1.27.1": "config/crd/bases",
    "github.com/rabbitmq/cluster-operator/v2@v2.16.0": "config/crd/bases",
    "github.com/kedacore/keda/v2@v2.18.1": "config/crd/bases",
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
    "github.com/cert-manager/cert-manager@v1.19.1": "deploy/crds",
}
"""Operators' Go modules, and where each keeps the definitions of its kinds."""


def definitions() -> Iterator[Path]:
    """The files of the operators' definitions, fetched once; the test is skipped where they cannot be had."""
    go = shutil.which("go", path=f"{os.environ['PATH']}:/usr/local/go/bin")
    if go is None:
        pytest.skip("go is not installed: it brings the operators' definitions")
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    for module, place in MODULES.items():
        command = [go, "mod", "download", "-json", module]
        try:
            done = subprocess.run(command, env=environment, cwd="/", capture_output=True, check=True, timeout=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{module} could not be fetched: {error}")
        yield from Path(json.loads(done.stdout)["Dir"], place).glob("*.yaml")
