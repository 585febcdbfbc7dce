"""The image's recipe, and the images of others: one version of each, everywhere, and that the one which is tested."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from services.local import programs

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "k8s"
_IMAGE = re.compile(r"(?:FROM |\bimage(?:Name)?: )([^\s,}]+)")


def test_the_image_copies_what_is_there_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    for line in lines:
        match = re.match(r"COPY (?!--from)(.+) \S+$", line)
        for source in match[1].split() if match else ():
            assert list(ROOT.glob(source)) or source.endswith("*"), line
    assert "USER 10001:10001" in lines


def images() -> dict[str, set[str]]:
    """The versions of each foreign image, in all files that name one."""
    files = (ROOT / "docker-compose.yml", ROOT / "Dockerfile", *sorted(KUBERNETES.rglob("*.yaml")))
    found: dict[str, set[str]] = {}
    for image in _IMAGE.findall("\n".join(path.read_text() for path in files)):
        name, _, version = image.partition("@")[0].rpartition(":")
        if "hallpulse" not in image:
            found.setdefault(name, set()).add(version)
    return found


def test_images_are_pinned_to_one_version_everywhere() -> None:
    assert len(images()) >= 6
    for name, versions in images().items():
        assert len(versions) == 1, (name, versions)
        assert re.match(r"v?\d+\.\d+(\.\d+)?(-|$)", *versions), (name, versions)


def test_the_versions_of_images_are_those_that_are_tested() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    named = {
        name: re.sub(r".*:v?|-.*", "", service["image"]) for name, service in composed.items() if "image" in service
    }
    program = programs.postgres_programs() / "postgres"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == named["database"]
    for readme in ("README.md", "README.zh-CN.md"):
        text = (ROOT / readme).read_text()
        tried = dict(re.findall(r"(RabbitMQ|Prometheus|Alertmanager) ([0-9.]+[0-9])", text[text.index("Debian 13") :]))
        for server, service in (("RabbitMQ", "broker"), ("Prometheus", "prometheus"), ("Alertmanager", "alertmanager")):
            assert named[service].startswith(f"{tried[server]}."), (readme, server)


def test_the_page_of_deployments_tells_the_images() -> None:
    rows = re.findall(r"^\| \w+ \| `(\S+)` \| (\S+)", (ROOT / "docs" / "deployment.md").read_text(), re.MULTILINE)
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    assert {image for image, _ in rows} == {
        service["image"] for service in composed if "image" in service and not service["image"].startswith("hallpulse:")
    }
    for image, tested in rows:
        assert tested == "not" or tested.rstrip(",") in image
